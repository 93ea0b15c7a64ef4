#!/bin/sh
# narrow.sh ARGUMENTS...: a browser in a network of its own, which one narrow line
# ties to ours; both end with it. Root alone may do that. Browsers take what is new
# in their network for a change of it, and break off: ours is to be no other test's
# (network.mjs).
#   LINE_BROWSER     the program
#   LINE_PID         a process in our network
#   LINE_NAME        of our end
#   LINE_NEAR, _FAR  addresses of our end and of its own
#   LINE_KBIT        what goes through in a second, each way; 300 ms of it may wait
set -eu
export LINE_SHAPE="rate ${LINE_KBIT}kbit burst 4kb latency 300ms"
# shellcheck disable=SC2016 # the inner shells expand it
exec unshare -n sh -euc '
	ip link set lo up
	ip link add line type veth peer name "$LINE_NAME" netns "$LINE_PID"
	ip link set line addrgenmode none # an address that comes late is a change
	ip addr add "$LINE_FAR/30" dev line
	ip link set line up
	tc qdisc add dev line root tbf $LINE_SHAPE
	nsenter -t "$LINE_PID" -n sh -euc "
		ip link set \"\$LINE_NAME\" addrgenmode none
		ip addr add \"\$LINE_NEAR/30\" dev \"\$LINE_NAME\"
		ip link set \"\$LINE_NAME\" up
		tc qdisc add dev \"\$LINE_NAME\" root tbf \$LINE_SHAPE"
	exec "$LINE_BROWSER" "$@"' narrow "$@"
