"""An identity provider: OpenID Connect's discovery, the authorization code flow with PKCE, refresh tokens that are good
for once, and where a session ends.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.unit.oauth2.authority import Authority

CLIENT = "amqpd-ui"


class Provider:
    """One, at a port of this machine. It knows one client, and whoever comes is `ada`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.authority = Authority()
        self.scope = "mq.tag:administrator mq.read:*/*"
        self.refuses = False
        self.renews = self.ends = False
        """Whether it gives refresh tokens, and whether it tells where sessions end."""
        self.asked: list[dict[str, str]] = []
        """The authorization requests."""
        self.ended: list[dict[str, str]] = []
        """The sessions that were ended: what the browser brought there."""
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh_tokens: set[str] = set()

    def start_anew(self) -> None:
        """Be as at the beginning."""
        self.scope, self.refuses, self.renews, self.ends = "mq.tag:administrator mq.read:*/*", False, False, False

    def discovery(self) -> dict[str, str]:
        names = ("authorization", "token", "end_session") if self.ends else ("authorization", "token")
        return {"issuer": self.url, **{f"{name}_endpoint": f"{self.url}/{name}" for name in names}}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes next."""
        self.asked.append(asked)
        if self.refuses:
            answer = {"error": "access_denied", "error_description": "Ada is on holiday."}
        else:
            code = secrets.token_urlsafe()
            self._codes[code] = asked
            answer = {"code": code, "iss": self.url}
        return f"{asked['redirect_uri']}?{urlencode({**answer, 'state': asked['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, object]:
        """A token for a code or a refresh token, each of which is good for once."""
        if form["grant_type"] == "refresh_token":
            known = form["refresh_token"] in self._refresh_tokens and form["client_id"] == CLIENT
            self._refresh_tokens.discard(form["refresh_token"])
            return self._tokens() if known and self.renews else {"error": "invalid_grant"}
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or (asked["code_challenge_method"], asked["code_challenge"]) != ("S256", challenge)
            or any(form[name] != asked[name] for name in ("client_id", "redirect_uri"))
            or (form["grant_type"], form["client_id"]) != ("authorization_code", CLIENT)
        ):
            return {"error": "invalid_grant"}
        return self._tokens()

    def _tokens(self) -> dict[str, object]:
        token = self.authority.sign({"sub": "ada", "aud": "mq", "scope": self.scope})
        tokens: dict[str, object] = {"access_token": token.decode(), "token_type": "Bearer", "id_token": "ada-is-here"}
        if self.renews:
            tokens["refresh_token"] = secrets.token_urlsafe()
            self._refresh_tokens.add(str(tokens["refresh_token"]))
        return tokens

    def end_session(self, asked: dict[str, str]) -> str:
        """Where the browser goes next."""
        self.ended.append(asked)
        return asked["post_logout_redirect_uri"]


@contextmanager
def providing() -> Generator[Provider]:
    """Run one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/.well-known/openid-configuration":
                self._answer(provider.discovery())
            elif parts.path in ("/authorization", "/end_session"):
                go_on = provider.authorize if parts.path == "/authorization" else provider.end_session
                self.send_response(302)
                self.send_header("location", go_on(dict(parse_qsl(parts.query))))
                self.send_header("content-length", "0")
                self.end_headers()
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
            answer = provider.token(form)
            self._answer(answer, 400 if "error" in answer else 200)

        def _answer(self, value: object, status: int = 200) -> None:
            octets = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("access-control-allow-origin", "*")
            self.send_header("content-length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = Provider(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
