"""The watchers: they are told of every access, branch and barrier, and count or check it."""
