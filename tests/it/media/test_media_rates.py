"""So many pictures and films a minute, each user: what the configuration says by default."""

import pytest
from weirtest import Services

DEFAULTS = {"rate_image": "10/1m", "rate_video": "5/1m"}


@pytest.fixture(scope="module")
def weir():
    with Services() as sv:
        sv.up({"limits": DEFAULTS}, worker=False)
        yield sv


def test_the_defaults(weir):
    said = weir.weirctl("config", "doc").stdout
    for name, rate in DEFAULTS.items():
        assert any(name in line and rate in line for line in said.splitlines()), name


@pytest.mark.parametrize("paths, most", [
    (("/api/images/generate", "/api/images/edit"), 10),
    (("/api/videos/generate", "/api/videos/from-image", "/api/videos/storyboard"), 5),
])
def test_no_more_than_that(weir, paths, most):
    user, other = weir.make_user(), weir.make_user()
    answers = [weir.post(paths[i % len(paths)], {"prompt": "x", "model": "nobody"}, user) for i in range(most + 2)]
    assert [a.status for a in answers] == [400] * most + [429] * 2
    assert answers[-1].code == "rate_limited" and int(answers[-1].headers["Retry-After"]) > 0
    assert weir.post(paths[0], {"prompt": "x", "model": "nobody"}, other).status == 400
