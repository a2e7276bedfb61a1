"""A page of FastAPI in the same site as the example on Axum: log in there, put into the cart here.

    python serve.py

It reads the same HARDTACK_KEYS as the example, and stands behind the same proxy, under /fastapi/.
"""

import html

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from hardtack_session import HardtackSessions


def make_app(keys, **settings):
    app = FastAPI()

    @app.get("/fastapi/")
    async def cart(request: Request):
        session = request.session
        flashes = "".join(f'<p class="flash">{html.escape(text)}</p>' for _, text in session.take_flashes())
        counts = session.get("cart", {})
        lines = "".join(f'<li id="count-{html.escape(ware)}">{counts[ware]}</li>' for ware in sorted(counts))
        return HTMLResponse(
            f"""<!doctype html><title>Cart</title><p id="server">FastAPI</p>{flashes}
            <p id="user">{html.escape(session.get("user", ""))}</p><ul>{lines}</ul>
            <form method="post" action="/fastapi/cart"><button name="ware" value="Biscuit">Add</button></form>
            <form method="post" action="/fastapi/logout"><button>Log out</button></form>"""
        )

    @app.post("/fastapi/cart")
    async def add(request: Request, ware: str = Form()):
        counts = request.session.get("cart", {})
        counts[ware] = counts.get(ware, 0) + 1
        # Assigned again: the session sees no change inside a value.
        request.session["cart"] = counts
        request.session.flash("success", "It is in your cart.")
        return RedirectResponse("/fastapi/", status_code=303)

    @app.post("/fastapi/logout")
    async def log_out(request: Request):
        request.session.destroy()
        return RedirectResponse("/fastapi/", status_code=303)

    app.add_middleware(HardtackSessions, keys=keys, **settings)
    return app
