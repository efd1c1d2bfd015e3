"""Where lead data may go: to the CRM vendors' own hosts over https, or to this machine."""

from urllib.parse import urlsplit

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def is_loopback(url: str) -> bool:
    """Say whether `url` points at this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def check_crm_url(url: str, vendor_suffixes: tuple[str, ...]) -> str:
    """Return `url` without a trailing slash if lead data may be sent there.

    Raises:
        ValueError: The host is neither the vendor's nor loopback, or the scheme is not https.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(url) and parts.scheme in ("http", "https"):
        return url.rstrip("/")
    if parts.scheme != "https":
        raise ValueError(f"{host or 'the address'} must be called over https")
    if not any(host == suffix or host.endswith("." + suffix) for suffix in vendor_suffixes):
        raise ValueError(f"{host} is not a host of the CRM vendor ({', '.join(vendor_suffixes)}) nor loopback")
    return url.rstrip("/")
