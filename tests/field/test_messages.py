"""How a mistake is told."""

from tests.field.table import Case, check, table


@table(
    Case("model.optimizer.lrr=0.1", r"Did you mean model\.optimizer\.lr\?", code=1),
)
def test_it_is_told_in_one_line(case, train, tmp_path):
    check(case, train, tmp_path)
