-- Each connection waits between its requests: a load that leaves room.
function delay()
	return math.random(10, 50)
end
