"""What an import leaves out, and why."""

MOST = 200
"""So many names are kept; of more the number."""
LONGEST = 255
"""Characters of a name that are kept."""


class Skipped:
    """A list of names, each once, with the reason; call it to add one."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._others: set[int] = set()

    def __call__(self, name: str, reason: str) -> None:
        """Add one."""
        short = name[:LONGEST]
        if len(self._reasons) < MOST:
            self._reasons.setdefault(short, reason)
        elif short not in self._reasons:
            self._others.add(hash(name))

    def listed(self) -> list[dict[str, str]]:
        """`{"name": …, "reason": …}` of each."""
        found = [{"name": name, "reason": why} for name, why in self._reasons.items()]
        if self._others:
            more = f"{len(self._others):,} more"
            found.append({"name": more, "reason": "Left out, too; only the first are listed."})
        return found
