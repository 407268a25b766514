"""Where rows come from: the hub, a mirror, files, the demo world."""
