"""docs/own-table.md."""


def test_the_page_of_ones_own_table_does_what_it_says(own_table):
    _, printed = own_table
    assert any("model_version" in text for text in printed)
