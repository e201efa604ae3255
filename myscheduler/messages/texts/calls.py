"""Why calls fail, what is imperfect about answers, and why executions are cut off.

The history stores the text alone, and `recognition` reads it back: so a text must not fit two templates with different
meanings, and the kind of a parameter says what it may look like.
"""

CALLS = {
    # answers
    "answered": "answered {status:d}",
    "answered-redirect": "answered {status:d}; redirects are not followed",
    "answered-oddly": "answered {status:d}; {odd:said}",
    "answered-redirect-oddly": "answered {status:d}; redirects are not followed; {odd:said}",
    "redirected": "after redirects ({count:d}) to {where:word}: {why:said}",
    "redirect-without-location": "answered {status:d}, a redirect without a Location",
    "redirect-unreadable": "answered {status:d}, a redirect whose Location is not a valid URL",
    "redirect-scheme": "answered {status:d}, a redirect to what is neither http nor https",
    "redirect-downgrade": "answered {status:d}, a redirect from https to http at {where:word}, which is not followed",
    "redirect-secret-body": "answered {status:d}, a redirect to {where:word}: a body with a secret is not sent to "
    "another origin",
    "redirect-too-many": "answered {status:d} after as many redirects as the job follows ({most:d})",
    "redirect-refused": "answered {status:d}, a redirect to {where:word}: {why:said}",
    "answered-unexpectedly": "answered {status:d}, which is not a status that the job expects",
    "expect-json": "{pointer} was {found}, wanted {wanted}",
    "expect-missing": "the answer has nothing at {pointer}, wanted {wanted}",
    "expect-not-json": "the answer is not JSON, so what the job expects at {pointer} can't be found",
    "expect-cut": "the answer was not read to its end ({most:d} bytes), so what the job expects can't be found",
    "expect-no-text": "the answer does not contain {text}",
    "expect-too-slow": "the answer took {took:d} ms, wanted at most {most:d}",
    "target-gone": "the target answered 410 Gone",
    "timeout": "no complete answer within {seconds:g} s",
    "timeout-stalled": "no complete answer within {seconds:g} s (status {status:d}, then it stalled)",
    "connect-timeout": "no connection to {where:word} within {seconds:g} s",
    "not-sent-within": "not sent within {seconds:g} s: {reason:reason}",
    # connections
    "answer-broken-off": "{where:word} broke off its answer or sent a malformed one",
    "closed-unanswered": "{where:word} closed the connection without an answer",
    "connection-lost": "the connection to {where:word} was lost",
    "connection-reset": "the connection to {where:word} was reset",
    "connection-refused": "connection to {where:word} refused",
    "connection-failed": "connection to {where:word} failed: {reason:reason}",
    "no-address-reached": "none of its addresses can be reached",
    "host-not-found": "host name {host} not found",
    "host-lookup-failed": "host name {host} could not be looked up: {reason:reason}",
    "resolver-failed": "the resolver failed",
    "tls-failed": "TLS with {where:word}: {reason:reason}",
    "certificate-refused": "certificate verify failed: {why}",
    "handshake-failed": "the handshake failed",
    "header-line-too-long": "{where:word} sent a header line of more than {most:d} bytes",
    "not-valid-http": "{where:word} did not answer in valid HTTP",
    "not-http-but-tls": "{where:word} did not answer in HTTP, but in TLS: write https://",
    "not-http-but": "{where:word} did not answer in HTTP: it began with {beginning:ascii}",
    "not-http-but-long": "{where:word} did not answer in HTTP: it began with {beginning:ascii}…",
    "too-many-files": "too many open files in this process (its limit is {limit:d}: raise ulimit -n)",
    "too-many-files-on-machine": "too many open files on this machine (raise fs.file-max)",
    "proxy-refused": "the proxy {proxy:word} made no connection to {where:word}: it answered {status:d}",
    "proxy-of-environment": "the proxy in the environment of the service is not the URL of an HTTP proxy",
    "insecure-tls": "policy.yaml does not allow a call to this host without a check of its certificate",
    "tls-ca-unusable": "tls.ca holds no certificates in PEM that can be used",
    "tls-pair-unusable": "tls.certificate and tls.key can't be used: they are not PEM, don't belong together, or the "
    "key has a password",
    # requests
    "host-not-valid": "the host of the URL is not valid",
    "leads-to": "{where:word} leads to {why:said}",
    "link-local": "{address:reason} is a link-local address (cloud metadata), which no job may call unless policy.yaml "
    "allows it: call another host, or have it added there, as allow_link_local: [{wanted:word}]",
    "private-address": "{address:reason} is not a public address, and jobs of the API may call only those: declare the "
    "job in a manifest, or have policy.yaml allow it, as api_private_networks: [{wanted:word}]",
    "own-port": "port {port:d} of {address:word} is that of the service itself, which no job of the API may call: "
    "declare the job in a manifest",
    "policy-host-denied": "{host:word} is among the hosts that {place:word} denies: call another one, or have it taken "
    "out",
    "policy-network-denied": "{address:reason} is in {network:word}, which {place:word} denies: call another host, or "
    "have the network taken out",
    "policy-network": "{address:reason} is in none of the networks that {place:word} allows: call another host, or "
    "have its network added",
    "address-embedded": "{address:word} (which stands for {meant:word})",
    "method-not-valid": "the method is not an HTTP method",
    "url-not-valid": "the URL is not valid",
    "host-part-too-long": "the host name of the URL has a part that is empty or longer than 63 characters",
    "url-without-host": "the URL must start with http:// or https:// and name a host",
    "port-not-valid": "the port of the URL is not between 1 and 65535",
    "header-name-not-valid": "the header name {name:ascii} is not valid",
    "header-with-control": "the value of the header {name:word} has a line break or another control character",
    "header-not-unicode": "the value of the header {name:word} is not valid Unicode",
    # secrets
    "secret-missing": "secret {name:quoted} is missing: there is neither a file {file} nor an environment variable "
    "{variable:word}",
    "secret-not-read": "secret {name:quoted} was not read: {reason:reason}",
    "secret-unusable": "secret {name:quoted} can't be used: {why:said}",
    "variable-empty": "the environment variable {variable:word} is empty",
    "variable-not-utf8": "the environment variable {variable:word} is not UTF-8",
    "file-unreadable": "{file} can't be read: {reason:reason}",
    "file-not-a-file": "{file} is not a file",
    "file-too-large": "{file} is larger than {kib:d} KiB",
    "file-not-utf8": "{file} is not UTF-8",
    "file-empty": "{file} is empty",
    "secret-not-granted": "secret {name:quoted} may not be sent to {host:reason}: jobs of the API may use what "
    "policy.yaml allows, and it allows this one {allowed:said}; declare the job in a manifest, or have the policy "
    "changed",
    "the-host-of-header": "the host that the header {header:word} names",
    "for-no-host": "for no host",
    "only-for-hosts": "only for {hosts}",
    "host-unclear": "it is not clear which host the URL calls, so no secret is allowed: write it plainly, as "
    "https://HOST/PATH",
    "header-host-unclear": "it is not clear which host the header {header:word} names, so no secret is allowed: leave "
    "it out",
    # files of the source
    "file-not-sent": "the file {path:quoted} of the source can't be sent: {why:reason}",
    "file-leads-outside": "it leads out of the source",
    "file-is-none": "it is a folder or a device",
    "files-too-large": "all files of a call are at most {mib:d} MiB",
    # credentials and signatures
    "token-not-had": "no token for this call: the token endpoint {why:reason}",
    "token-late": "no token for this call within {seconds:g} s",
    "token-answer-unreadable": "the token endpoint answered without {name:word} in JSON",
    "gcp-key-unusable": "the key is no JSON key of a Google service account",
    "cluster-tokens-unreadable": "no token of the cluster: the folder {folder} is not readable ({reason:reason})",
    "cluster-token-missing": "no valid token for the audience {audience:quoted} in {folder}: mount a projected token "
    "for it there",
    "aws-extra-missing": "signing for AWS needs botocore: install the extra aws",
    "signing-key-unusable": "a signing key is no key of Standard Webhooks: write whsec_ and 24 to 64 bytes in base64, "
    "or whsk_ and an ed25519 key in base64",
    # executions that were cut off
    "bug": "a bug in the scheduler ended this execution; its log has the stack trace",
    "stopped": "the scheduler was stopped while this execution was running; the target may have received the request",
    "stopped-unsent": "the scheduler was stopped before this execution was sent",
    "chain-cancelled-before": "its chain was cancelled; the target may have received the request",
    "crashed": "the scheduler stopped while this execution was running; the target may have received the request",
    "claim-unclear": "the database became unavailable while this execution was being claimed; it was not sent",
    "replaced": "the next slot of this job was due, and it says overlap: replace; the target may have received the "
    "request",
    "sender-lost": "the process that made the call ended in the meantime; the target may have received the request",
    "given-up": "it could not be recorded in time, so it was not sent, and its trigger request was answered with an "
    "error",
    "cancelled": "cancelled by {by}{reason:? ({})}; the target may have received the request",
    "cancelled-unsent": "cancelled by {by}{reason:? ({})} before it was sent",
    "cancelled-queued": "cancelled by {by}{reason:? ({})} while it was queued",
    "retry-deleted": "the job was deleted while this execution waited for its next attempt",
    "retry-edited": "the job was changed while this execution waited for its next attempt",
    "retry-paused": "the job was paused while this execution waited for its next attempt",
    "retry-too-late": "the next attempt could not begin within the job's max_total_sec",
    # pings
    "ping-failed": "a ping reported a failure{last:? ({})}",
    "ping-exit-code": "a ping reported the exit code {code:d}{last:? ({})}",
    "ping-missing": "no ping arrived within {seconds:d} s",
    "ping-end-missing": "a ping reported the start, and none within {seconds:d} s the end",
    # what is imperfect about an answer
    "odd": "{where:word} {odd:odds}",
    "odd-headers-broken-off": "broke off the headers of its answer",
    "odd-broken-off": "broke off its answer after {size:d} bytes of body",
    "odd-broken-off-of": "broke off its answer after {size:d} of {length:d} bytes of body",
    "odd-many-headers": "sent more than {kib:d} KiB of headers",
    "odd-many-interim": "sent more than {most:d} interim answers",
    "odd-flood": "sent more than {mib:d} MiB for one answer",
    "odd-line-without-colon": "sent a header line without a colon",
    "odd-length-and-encoding": "sent both a Content-Length and a Transfer-Encoding",
    "odd-chunked-twice": "named chunked more than once",
    "odd-encoding": "sent an unknown Transfer-Encoding",
    "odd-many-trailers": "sent more than {kib:d} KiB after its last chunk",
    "odd-chunks": "sent chunks that can't be read",
    "odd-after-chunks": "sent something after its last chunk",
    "odd-head-body": "sent a body in answer to HEAD",
    "odd-status-body": "sent a body with its {status:d}",
    "odd-excess": "sent more bytes than its Content-Length of {length:d}",
    "odd-length-too-large": "sent a Content-Length that is too large",
    "odd-length-no-number": "sent a Content-Length that is not a number",
    "odd-length-signed": "sent a Content-Length with a sign",
    "odd-lengths": "sent different values of Content-Length ({lengths:and}), of which the smallest is used",
    "odd-length-twice": "sent its Content-Length more than once",
    "odd-coding-unsupported": "sent a body in {coding}, which is not supported, so no excerpt is kept",
    "odd-coding-wrong": "sent a body that is not {coding:word}",
    "odd-after-coding": "sent something after its {coding:word}",
    "odd-coding-broken-off": "broke off its {coding:word}",
    "several": "{causes:semicolons}",
}
"""By code: the template. The more particular ones come first where a text fits several."""
