"""The one HTML page of the dashboard. It has no data: its modules fetch that from the API, with a session."""

from dataclasses import dataclass
from html import escape

from myscheduler.web.bundle import ENTRY, Bundle


@dataclass(frozen=True, slots=True)
class Instance:
    """What the page says of the service it belongs to."""

    name: str
    color: str
    """`#rrggbb`, or empty for the dashboard's own."""
    version: str
    zone: str
    root_path: str = ""
    """The path below which browsers reach the service; empty for none."""


_PAGE = """\
<!doctype html>
<html lang="en" data-root="{root}" data-name="{name}" data-color="{color}" data-version="{version}" data-zone="{zone}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{name}</title>
<link rel="icon" href="{files}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{files}/app.css">
{preloads}<script type="module" src="{files}/{entry}"></script>
</head>
<body>
<noscript>
<p>The dashboard needs JavaScript. Without it, use the command <code>myscheduler</code>, or the API at <a \
href="{root}/docs">/docs</a>.</p>
<p lang="ja">このダッシュボードには JavaScript が必要です。使えない場合は、コマンド <code>myscheduler</code> か \
API（<a href="{root}/docs">/docs</a>）をお使いください。</p>
</noscript>
</body>
</html>
"""


def shell(bundle: Bundle, instance: Instance) -> bytes:
    """The page in UTF-8."""
    base = f"{instance.root_path}/ui/s/{bundle.digest}"
    preloads = "".join(
        f'<link rel="modulepreload" href="{escape(f"{base}/{name}")}">\n' for name in bundle.needed_at_first()
    )
    values = {
        "root": instance.root_path,
        "name": instance.name,
        "color": instance.color,
        "version": instance.version,
        "zone": instance.zone,
        "files": base,
        "entry": ENTRY,
    }
    text = _PAGE.format(**{key: escape(value) for key, value in values.items()}, preloads=preloads)
    return text.encode()
