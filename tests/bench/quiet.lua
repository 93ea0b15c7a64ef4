-- Each connection waits between its requests, as one who reads does: a load that
-- the limits of one address and one account allow, were they ten times as high.
function delay()
	return math.random(100, 500)
end
