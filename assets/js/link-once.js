// A link that lets somebody in: to whom it went, or shown once to hand on, and
// who has to confirm it first.

import { copy, h, icon, note } from './dom.js';

/**
 * Copies what is shown once, and says so on the button itself.
 * @param {string} text @param {string} name of what is copied
 */
export function copyButton(text, name) {
  const button = h('button', { type: 'button', class: 'button',
    onclick: async () => {
      button.replaceChildren(icon('copy'), await copy(text) ? 'Copied'
        : `Select the ${name} and copy it`);
    } }, icon('copy'), `Copy the ${name}`);

  return button;
}

/** @param {string} who @param {any} made */
const whereTo = (who, made) => made.invitation.sent_to
  ? [h('p', {}, `The link is on its way to ${made.invitation.sent_to}. It ` +
    'works once, for 24 hours.')]
  : [h('p', {}, `Give this link to ${who}. It works once, for 24 hours, and ` +
    'is shown only now.'), h('code', { class: 'secret' }, made.invitation_url),
  copyButton(made.invitation_url, 'link')];

/** @param {string} who @param {any} approval */
function secondPerson(who, approval) {
  if (!approval) return [];
  if (approval.deciders > 0)
    return [h('p', {}, h('strong', {}, 'It opens nothing yet. '),
      'A second person has to confirm it on the page “Approvals”. They get a ' +
      `phrase and tell it to ${who}.`)];
  return [h('p', {}, h('strong', {}, 'Nobody else here can confirm it. '),
    'A second administrator or a compliance officer could. Until there is ' +
    'one, whoever runs your server confirms it there: epionectl approval ' +
    'list, then epionectl approval confirm.')];
}

/**
 * @param {string} who gets it
 * @param {any} made the answer of a call that invites
 */
export const linkOnce = (who, made) => note(
  made.approval && !made.approval.deciders ? 'warn' : 'ok',
  ...whereTo(who, made), ...secondPerson(who, made.approval));
