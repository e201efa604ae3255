"""What became of notifications."""

NOTIFICATIONS = {
    "channel-answered": "{why:reason} ({answer})",
    "channel-gone": "notifications.yaml has no channel of this name any more",
    "channel-slow": "no end after {seconds:g} s",
    "channel-bug": "a bug: {kind}",
    "signing-key-form": "the key to sign with is not whsec_ and 24 to 64 bytes in base64: make one with `echo "
    "whsec_$(openssl rand -base64 32)`",
    "mail-refused": "the mail server answered {code:d} {answer}",
    "mail-not-supported": "the mail server {host} can't do what the channel asks for ({why:reason}): write another "
    "`security`",
    "mail-no-starttls": "it does not offer STARTTLS",
    "mail-too-slow": "the mail server {host} did not take the mail within {seconds:g} s",
    "mail-unreachable": "the mail server {host}:{port:d} can't be reached ({why:reason})",
    "apprise-missing": "Apprise is not installed: install MyScheduler with its extra `apprise`",
    "apprise-too-slow": "Apprise did not deliver it within {seconds:g} s",
    "apprise-knows-no-such-url": "Apprise knows no service for the URL of the channel: look it up in its documentation",
    "apprise-failed": "Apprise could not deliver it: try the URL with its command, `apprise -vv -b test URL`",
}
