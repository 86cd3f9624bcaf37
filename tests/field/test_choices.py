"""Everything that Hydra takes as a choice can be searched, and what yaml fixes stays what it is there."""

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from tests.field.table import Case, check, table

# configuration beside the template's own
FILES = {
    "model/cnn/small.yaml": "defaults: [/model/mnist@_here_]\n",
    "model/cnn/large.yaml": "defaults: [/model/mnist@_here_]\n",
    "data/0.yaml": "defaults: [/data/mnist@_here_]\n",
    "data/1.yaml": "defaults: [/data/mnist@_here_]\n",
    "data/007.yaml": "defaults: [/data/mnist@_here_]\n",
    "data/1.5.yaml": "defaults: [/data/mnist@_here_]\n",
    "experiment/wide.yaml": "# @package _global_\nmodel: {net: {lin1_size: 512}}\n",
    "experiment/long.yaml": "# @package _global_\ntrainer: {max_epochs: 99}\n",
    "new/one.yaml": "value: 1\n",
    "new/two.yaml": "value: 2\n",
    "hparams_search/own.yaml": """
        # @package _global_
        defaults: [/hparams_search/mnist_optuna]
        hydra:
          sweeper:
            params:
              experiment: choice(null, wide)
              data: choice(0, 1)
              model.net.lin1_size: choice(64, 128)
              tags: "choice([a, b], [c])"
              ++extra_name: "it's a=b, isn't it?"
              +note: {a: '1', b: [x y, 'c,d', null]}
              ~callbacks.early_stopping: null
        """,
    "hparams_search/list.yaml": """
        # @package _global_
        defaults: [/hparams_search/mnist_optuna]
        hydra: {sweeper: {params: {tags: ["interval(0,1)"]}}}
        """,
}


@pytest.fixture(scope="session")
def configs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("configs")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text).lstrip())
    return folder


def beside(configs: Path) -> str:
    return f"'hydra.searchpath=[file://{configs}]'"


@table(
    # options of a config group
    Case("'model=choice(cnn/small,cnn/large)'", r"model .*choice\(cnn/small, cnn/large\)"),
    Case("model=cnn/small,mnist", r"model .*choice\(cnn/small, mnist\)"),
    Case("'model=choice(mnist.yaml,mnist)'", r"choice\(mnist\.yaml, mnist\)"),
    Case("'model=glob(*)'", r"model .*choice\(mnist\)"),
    Case("'data=choice(0,1)'", r"data .*choice\('0', '1'\)"),
    Case("""'data=choice("0","1")'""", r"data .*choice\('0', '1'\)"),
    Case("'data=choice(007,1.5,mnist)'", r"data .*choice\(007, '1\.5', mnist\)"),
    Case("'data=0,mnist'", r"data .*choice\('0', mnist\)"),
    Case("'experiment=choice([wide,long],[long])'", r"experiment .*choice\(\[wide,long\], \[long\]\)"),
    Case("'experiment=choice(null,wide)'", r"experiment .*choice\(\[\], wide\)"),
    Case("'experiment=null,wide'", r"experiment .*choice\(\[\], wide\)"),
    Case("'+new=choice(one,two)'", r"\+new .*choice\(one, two\)"),
    Case("'+new@mine=one,two'", r"\+new@mine .*choice\(one, two\)"),
    Case("'common/logger@logger=choice(none,csv)'", r"common/logger@logger .*choice\(none, csv\)"),
    Case("'model=choice(cnn/small,cnn/huge)'", r"choice of model 'cnn/huge'.*Valid: cnn/large", code=1),
    Case("'model=choice(mnits,mnist)'", r"choice of model 'mnits'\. Did you mean mnist\?", code=1),
    Case("'data=choice(2,1)'", r"choice of data '2'.*Valid: 0, 007, 1, 1\.5, mnist", code=1),
    Case("'experiment=choice([wide,logn],null)'", r"choice of experiment 'logn'.*mean long\?", code=1),
    Case("'+new=choice(one,three)'", r"choice of \+new 'three'\..*Valid: one, two", code=1),
    # values
    Case("'+x=choice(0.5,null)'", r"\+x .*choice\(0\.5, null\)"),
    Case("'+x=0.5,null'", r"\+x .*choice\(0\.5, null\)"),
    Case("'+x=choice(true,false,null)'", r"\+x .*choice\(true, false, null\)"),
    Case("""+x='"1"',1,1.0,true""", r"\+x .*choice\('1', 1, 1\.0, true\)"),
    Case("'+x=choice(1,2.5,auto)'", r"\+x .*choice\(1, 2\.5, auto\)"),
    Case("'tags=choice([a,b],[c])'", r"tags .*choice\(\[a,b\], \[c\]\)"),
    Case("'+x=choice({a: 1},{a: [2,null]})'", r"\+x .*choice\(\{a:1\}, \{a:\[2,null\]\}\)"),
    Case("'+x=range(9,1,-2)'", r"\+x .*range\(1, 9, 2\)"),
    Case("'+x=sort(range(9,1,-2))'", r"\+x .*range\(1, 9, 2\)"),
    Case("'+x=range(1.0,0.5,-0.25)'", r"\+x .*range\(0\.5, 1\.0, 0\.25\)"),
    Case("'+x=str(range(1,3))'", "int or float", code=1),
    Case("'+x=range(1,9,-2)'", r"steps of -2 do not lead from 1 to 9", code=1),
    Case("'+x=range(1,9,0)'", r"steps of 0 do not lead", code=1),
)
def test_it_is_searched(case, train, tmp_path, configs):
    check(replace(case, words=f"{beside(configs)} {case.words}"), train, tmp_path)


def test_a_search_of_them_in_yaml(train, tmp_path, configs):
    case = Case(
        f"{beside(configs)} hparams_search=own",
        (
            r"experiment .*choice\(\[\], wide\)",
            r"data .*choice\('0', '1'\)",
            r"tags .*choice\(\[a,b\], \[c\]\)",
            r"extra_name: it's a=b, isn't it\?",
            r"(?m)^  a: '1'$",
            r"(?m)^  - c,d\n  - null$",
        ),
    )
    assert "early_stopping:" not in check(case, train, tmp_path)


def test_a_search_within_a_list_is_refused(train, tmp_path, configs):
    words = f"{beside(configs)} hparams_search=list"
    check(Case(words, r"params\.tags: a part of a list cannot be searched", code=1), train, tmp_path)


VALUES = {
    "text": "1",
    "nothing": None,
    "word": "null",
    "sum": "a=b, c",
    "quote": 'it\'s "so"',
    "path": "C:\\new\\",
    "small": 1e-05,
    "empty": "",
    "listed": [1, "1", "x,y", None, True, {"a": "b=c"}],
}
SEARCHED = ["null", "'null'", "[1,'1']", "{a: {b: 'x=y'}}", "'it\\'s, \\\\'", "'${x}'"]


def test_the_trials_configuration_has_what_was_meant(toy, tmp_path):
    (tmp_path / "more/kept").mkdir(parents=True)
    params = {f"+{key}": value for key, value in VALUES.items()}
    node = OmegaConf.create({"hydra": {"sweeper": {"params": params}}})
    text = f"# @package _global_\n{OmegaConf.to_yaml(node)}"
    (tmp_path / "more/kept/all.yaml").write_text(text)
    words = ["--config-dir=more", "+kept=all", "x=0.5", "hydra/sweeper/sampler=grid"]
    toy(*words, f"+s={','.join(SEARCHED)}", "hydra.sweeper.n_trials=9")
    found = []
    for number in range(len(SEARCHED)):
        composed = OmegaConf.load(tmp_path / f"multirun/toy/{number}/.hydra/config.yaml")
        plain = OmegaConf.to_container(composed, resolve=True)
        assert {key: plain[key] for key in VALUES} == VALUES
        found.append(plain["s"])
    expected = [None, "null", [1, "1"], {"a": {"b": "x=y"}}, "it's, \\", 0.5]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
