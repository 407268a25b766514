"""Stands for `python SCRIPT …`, with the socket of warm_server.py before: a fork of that process
runs the script with this one's folder, environment and streams, and this one ends as it ends.
"""

import json
import os
import signal
import socket
import sys

place, *words = sys.argv[1:]
if words[0] == "-u":  # as torchrun says it
    words.pop(0)
asking = socket.socket(socket.AF_UNIX)
asking.connect(place)
socket.send_fds(asking, [b" "], [0, 1, 2])
asking.sendall(json.dumps([words, dict(os.environ), os.getcwd()]).encode())
asking.shutdown(socket.SHUT_WR)
code = int(asking.recv(16) or 1)
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if code != -signal.SIGKILL else None
    os.kill(os.getpid(), -code)
sys.exit(code)
