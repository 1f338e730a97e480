# receive.sh BODIES ORDERS: what amqp-consume runs for every message. Tells the body, and acknowledges when it is told to.
body=$(cat)
printf '%s\n' "$body" >"$1"
read -r _ <"$2"
