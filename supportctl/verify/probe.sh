# Dials every line of $CHECKS, `number URL`, and says what was seen: one line of JSON each, and at the end how many
# there were, with $DIGEST of the list. All of it is printed, and written to $RESULTS. Runs in a POSIX shell with wget, of busybox or of GNU.
#
# open: the server answered, over TLS with a certificate that is trusted. untrusted: with somebody else's certificate.
# unresolved: the DNS has no such name. refused: no connection. silent: no answer in $PATIENCE s. cut: broken off.
# unknown: the tool that dials is not there, or died.

dial() {
    said=${TMPDIR:-/tmp}/said-$1
    # A session of its own: busybox leaves a helper behind that would wait for ever for a handshake that is dropped.
    setsid timeout "$PATIENCE" wget -S -t 1 -O /dev/null "$2" >"$said" 2>&1 </dev/null &
    group=$!
    wait "$group"
    code=$?
    kill -9 "-$group" 2>/dev/null
    case $code:$(cat "$said") in
    *HTTP/[0-9]*) seen=open ;;
    *'certificate verification failed'* | *'not present in server certificate'*) seen=untrusted ;;
    *'is not trusted'* | *'cannot verify'* | *'does not match'* | *'has expired'*) seen=untrusted ;;
    *'bad address'* | *'unable to resolve'*) seen=unresolved ;;
    *'onnection refused'*) seen=refused ;;
    124:* | 143:* | *'timed out'*) seen=silent ;;
    12[67]:* | 1[3-9][0-9]:*) seen=unknown ;;
    *) seen=cut ;;
    esac
    tell "$1" "$seen"
}

# The client's own look at the network: whether any relay answers by UDP.
stun() {
    if report=$(timeout 60 tailscale netcheck --format=json 2>/dev/null); then
        case $report in
        *'"UDP": true'*) tell "$1" open ;;
        *) tell "$1" silent ;;
        esac
    else
        tell "$1" unknown
    fi
}

tell() {
    printf '{"n":%d,"seen":"%s"}\n' "$1" "$2"
}

printf '%s\n' "$CHECKS" | {
    count=0
    while read -r number url; do
        case $url in
        stun:) stun "$number" & ;;
        *) dial "$number" "$url" & ;;
        esac
        count=$((count + 1))
        [ $((count % AT_ONCE)) -ne 0 ] || wait
    done
    wait
    printf '{"end":%d,"of":"%s"}\n' "$count" "$DIGEST"
} | tee "$RESULTS"
