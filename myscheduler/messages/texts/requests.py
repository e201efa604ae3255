"""What is wrong with the parts of a request that a job declares, and why a request can't be made from them."""

REQUESTS = {
    # query and body
    "one-body": "a call sends one body: remove {name}, or {other}",
    "parameter-without-name": "has no name: write the name of the parameter",
    "parameter-forms": "has to be text, a number, true or false, or a list of these",
    "base64-forms": "is not base64 (RFC 4648): write what `base64 FILE` prints",
    "type-of-form": "{field} sets the Content-Type itself: remove this header",
    "part-forms": "a part has either value or file: write one of them",
    "part-with-control": "contains a control character: remove it",
    "file-outside": "{path} is no path below the root of the source: write one such as tables/prices.csv",
    "not-a-type": "{value} is not a media type: write one such as text/csv",
    "file-only-for-manifests": "sends a file of the source, which only a manifest can: write value",
    # targets.yaml
    "target-unknown": "{file} has no target {name}{hint:said}",
    "targets-known": ": it has {known}",
    "targets-with-problems": ", or it can't be used: see its problems",
    "of-target": "{field} of target {target}: {why:said}",
    "url-not-of-target": "is not below the base URL of the target, {base}: write path in its place",
    "targets-not-a-mapping": "write targets as a mapping of names to their base_url and limits",
    "target-not-a-mapping": "write an object with base_url",
    "target-name": "{name} is no name of a target: write up to 100 printable characters without / ? # %",
    "too-many-targets": "has more than {most:d} targets",
    "targets-unreadable": "can't be read ({why}), so it is not known what targets there are",
    "targets-of-last-valid": "until it is fixed, the targets of the last valid file are used",
    "targets-none-valid": "no valid file was ever there, so there are no targets until it is fixed",
    "targets-source-empty": "the source is empty, so the targets of the last valid file are used",
    "base-url-with-query": "can't have a query or a fragment: write query in the target",
    "rate-per-length": "is from a second to a day: write one such as PT1M",
    "breaker-longest": "is less than open_sec: write at least as many seconds",
    # credentials and signatures
    "auth-forms": "write exactly one of {known}",
    "user-with-colon": "a user of Basic authentication can't contain a colon (RFC 7617)",
    "header-of-field": "{field} sends this header: remove it here, or remove {field}",
    "token-url-fixed": "can't contain a reference to a secret: write the URL, and put the secret into client_secret",
    "token-url-not-valid": "has to be an http or https URL with a host, and without user and password",
    "signing-key-forms": "is no key of Standard Webhooks: write whsec_ and 24 to 64 bytes in base64, or whsk_ and an "
    "ed25519 key in base64",
    "identity-only-for-manifests": "uses the identity of the service itself, which only a manifest can: name a key of "
    "your own",
}
