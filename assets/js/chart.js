// Pictures of numbers: made as SVG, named for those who do not see them, with a
// table beside that says the same.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {string} tag @param {Record<string, string | number>} props
 * @param {...(Node | string)} children
 */
export function svg(tag, props, ...children) {
  const node = document.createElementNS(SVG, tag);

  for (const [key, value] of Object.entries(props))
    node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}
