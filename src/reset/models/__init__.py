"""Model folders: from the demo world, the hub, a folder or a wheel."""
