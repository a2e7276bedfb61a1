"""python serve.py: serves the page on HARDTACK_ADDR, or on port 3001."""

import os
import socket

import uvicorn

import app as site

host, port = os.environ.get("HARDTACK_ADDR", "127.0.0.1:3001").split(":")
listener = socket.create_server((host, int(port)))
print(f"listening on http://localhost:{listener.getsockname()[1]}/", flush=True)
server = uvicorn.Server(uvicorn.Config(site.make_app(os.environ["HARDTACK_KEYS"]), log_level="warning"))
server.run(sockets=[listener])
