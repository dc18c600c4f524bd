"""How does a user log in and out? Two forms that work without a script."""

import math
import re

from jupyter_server.auth.decorator import allow_unauthenticated

from quarterdeck.publish.pages.handler import Page

WRONG = "That name and password do not go together."
UNSURE = {
    "heading": "You are logged out, but perhaps not for good",
    "reason": "The server could not write this down. Should it be started again within twelve hours, this login might open the "
    "pages once more on the device you used. Please tell the people who run the server.",
}


class Form(Page):
    """A page with a form, which may be sent to this server and nowhere else."""

    def set_default_headers(self) -> None:
        """Set the security headers."""
        super().set_default_headers()
        self.set_header("Referrer-Policy", "same-origin")  # with none, a browser would not say where the form came from

    def names(self) -> dict[str, str]:
        """Name nothing: no company is looked at."""
        return {}

    def show(self, template: str, **facts: str) -> None:
        """Draw the form, with the token that tells it from one on another site."""
        self.draw(template, token=self.xsrf_form_html(), **facts)


class Login(Form):
    """`/login`: the form, and what it is sent to."""

    @allow_unauthenticated
    def get(self) -> None:
        """Show the form."""
        self.show("login.html.j2", next=self.get_query_argument("next", "/"))

    @allow_unauthenticated
    async def post(self) -> None:
        """Begin a session, or say why not; the message says no more than that name and password do not go together."""
        username, password = self.get_body_argument("username", ""), self.get_body_argument("password", "", strip=False)
        identity, target = self.identity_provider, self.get_body_argument("next", "/")
        self.known_as = username if identity.users.get(username) else None  # what nobody is called may be a password
        if wait := identity.throttle.wait(username, self.request.remote_ip):
            self.set_status(429)
            self.set_header("Retry-After", str(math.ceil(wait)))
            said = f"Too many logins have failed. Wait {math.ceil(wait)} seconds, then try again."
            self.show("login.html.j2", next=target, said=said)
        elif await identity.log_in(self, username, password):
            self.redirect(within(target), status=303)
        else:
            self.set_status(401)
            self.show("login.html.j2", next=target, said=WRONG)


class Logout(Form):
    """`/logout`: asks once, for a picture on another site could otherwise log a reader out."""

    def get(self) -> None:
        """Show the form."""
        self.show("logout.html.j2")

    async def post(self) -> None:
        """End the session, and the kernels of the user's live pages."""
        username, held = self.current_user.username, self.identity_provider.log_out(self)
        # Not the cookies, which would be those of every server under this name.
        self.set_header("Clear-Site-Data", '"cache", "storage"')
        if hasattr(self.kernel_manager, "end_those_of"):
            await self.kernel_manager.end_those_of(username)
        if held:
            self.redirect("/login", status=303)
        else:
            self.draw("card.html.j2", **UNSURE, back="/login")


def within(address: str) -> str:
    r"""Give an address on this server, or the landing page.

    >>> within("/demo/latest"), within("//elsewhere.example"), within("/\\elsewhere.example"), within("https:/x")
    ('/demo/latest', '/', '/', '/')
    """
    return address if re.fullmatch(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", address) else "/"
