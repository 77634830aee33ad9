"""sha256 of short texts: `hashlib`'s, without the library that makes it fast for long ones.

Loading OpenSSL takes 2 ms.  Keys of the cache and rows of RECORD come to a few kilobytes; whole
files are left to `hashlib`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256

__all__ = ("sha256",)
