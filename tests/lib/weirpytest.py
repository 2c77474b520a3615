"""Fixtures for every Python test file; loaded by pytap, or by hand with pytest -p weirpytest."""

import pytest

import weirtest


@pytest.fixture(scope="module")
def data():
    """PostgreSQL (migrated), Redis and the demo provider; no Weir process."""
    with weirtest.Services() as sv:
        yield sv


@pytest.fixture(scope="module")
def weir(request):
    """The whole: nginx -> pool of 2 -> PostgreSQL, Redis, demo; and a worker.

    A file sets options of weir.conf for all its tests with
    WEIR_CONF = {"limits": {"user_tasks": "2"}}.
    """
    with weirtest.Services() as sv:
        sv.up(getattr(request.module, "WEIR_CONF", None))
        yield sv


@pytest.fixture(scope="module")
def user(weir):
    """A signed-in user with 1,000 credits, shared by the tests of a file."""
    return weir.make_user()


@pytest.fixture(scope="module")
def admin(weir):
    """A signed-in administrator."""
    return weir.make_user(admin=True)
