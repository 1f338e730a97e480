"""Users, their passwords and tags."""

from __future__ import annotations

from typing import Final

from amqpd.cli.ctl.output import Atom
from amqpd.cli.ctl.verb import DATA, SOFTWARE, UNAVAILABLE, Answer, BadUse, Report, Request, Rows, Stop, Verb
from amqpd.cli.ctl.verbs.errors import ERROR, exists, refusal, told, user_of

DONE: Final = (
    "Done. Don't forget to grant the user permissions to some virtual hosts! "
    "See 'rabbitmqctl help set_permissions' to learn more."
)
GROUP: Final = "Users"
NO_PASSWORD: Final = ERROR.format("Password is not provided via argument or stdin")


def add_user(request: Request) -> Answer:
    name = request.arguments[0]
    password = _password(request, DATA)
    if exists(request.client, "users", name):
        raise refusal(request, SOFTWARE, f'User "{name}" already exists', f"User {name} already exists")
    with told():
        request.client.put("users", name, body={"password": password, "tags": ""})
    return DONE


def change_password(request: Request) -> Answer:
    name = request.arguments[0]
    password = _password(request, DATA)
    user = user_of(request, name)
    with told():
        request.client.put("users", name, body={"password": password, "tags": user["tags"]})
    return None


def clear_password(request: Request) -> Answer:
    name = request.arguments[0]
    user = user_of(request, name, UNAVAILABLE)
    request.client.put("users", name, body={"password_hash": "", "tags": user["tags"]})
    return None


def authenticate_user(request: Request) -> Answer:
    name = request.arguments[0]
    password = _password(request, SOFTWARE)
    answer = request.local().post("control", "authenticate", body={"user": name, "password": password})
    if not answer["accepted"]:
        text = f"Error: failed to authenticate user \"{name}\"\nuser '{name}' - invalid credentials"
        raise Stop(DATA, ERROR.format(text))
    return Report("Success", {"message": "Success"})


def delete_user(request: Request) -> Answer:
    name = request.arguments[0]
    user_of(request, name)
    request.client.delete("users", name)
    return None


def set_user_tags(request: Request) -> Answer:
    name, *tags = request.arguments
    user = user_of(request, name)
    body = {"password_hash": user["password_hash"], "hashing_algorithm": user["hashing_algorithm"], "tags": tags}
    with told():
        request.client.put("users", name, body=body)
    return None


def list_users(request: Request) -> Answer:
    found = request.client.get("users")
    return Rows(("user", "tags"), [{"user": each["name"], "tags": [*map(Atom, each["tags"])]} for each in found])


def named(request: Request) -> None:
    """Raises BadUse for a user without a name."""
    if not request.arguments[0]:
        raise BadUse("Bad argument: user cannot be an empty string", DATA)


def _password(request: Request, code: int) -> str:
    if len(request.arguments) > 1:
        return request.arguments[1]
    request.say("Password: ")
    said = request.stdin.readline().rstrip("\r\n")
    if not said:
        raise Stop(code, NO_PASSWORD)
    return said


VERBS: Final = (
    Verb(
        "add_user",
        "<username> <password>",
        "Create a user; without a password on the command line it is read from standard input",
        GROUP,
        add_user,
        lambda request: f'Adding user "{request.arguments[0]}" ...',
        1,
        2,
        check=named,
    ),
    Verb(
        "change_password",
        "<username> <password>",
        "Change a user's password",
        GROUP,
        change_password,
        lambda request: f'Changing password for user "{request.arguments[0]}" ...',
        1,
        2,
    ),
    Verb(
        "clear_password",
        "<username>",
        "Let a user log in with no password at all any more",
        GROUP,
        clear_password,
        lambda request: f'Clearing password for user "{request.arguments[0]}" ...',
        1,
        1,
    ),
    Verb(
        "authenticate_user",
        "<username> <password>",
        "Check a user's password",
        GROUP,
        authenticate_user,
        lambda request: f'Authenticating user "{request.arguments[0]}" ...',
        1,
        2,
    ),
    Verb(
        "delete_user",
        "<username>",
        "Delete a user; its connections are closed",
        GROUP,
        delete_user,
        lambda request: f'Deleting user "{request.arguments[0]}" ...',
        1,
        1,
    ),
    Verb(
        "set_user_tags",
        "<username> <tag> [...]",
        "Give a user these tags and no others",
        GROUP,
        set_user_tags,
        lambda request: f'Setting tags for user "{request.arguments[0]}" to [{", ".join(request.arguments[1:])}] ...',
        1,
        None,
    ),
    Verb(
        "list_users",
        "[--no-table-headers] [--timeout <timeout>]",
        "List users and their tags",
        GROUP,
        list_users,
        lambda _: "Listing users ...",
    ),
)
