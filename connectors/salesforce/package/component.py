"""The Lightning component that shows a record's priority: written by hand, deployed as it stands."""

from pathlib import Path

COMPONENT = "callfirstPriority"
APP = Path(__file__).parents[1] / "app"
_FOLDER = APP / "force-app" / "main" / "default" / "lwc" / COMPONENT
_SUFFIXES = (".css", ".html", ".js", ".js-meta.xml")


def read_component() -> dict[str, bytes]:
    """Return the component's files by name."""
    return {
        path.name: path.read_bytes()
        for path in sorted(_FOLDER.iterdir())
        if path.is_file() and path.name.endswith(_SUFFIXES)
    }
