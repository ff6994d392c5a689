"""From the text of a statement to the parts of a Plan; ``analysis`` puts them together.

refusals     what a refusal looks like, and where in the statement it points
parsing      text -> syntax tree, within limits; parameters put in as typed literals
catalogue    which tables and columns exist for who asks, and what may be done with each
intervals    bounds of expressions from bounds of columns
literals     constants, their types and how they are converted
expressions  syntax -> typed tree, for rows and for what is computed from noisy values
functions    the functions that expressions know
relations    what FROM yields: rows of scans, or rows of a noisy table, and which names it has
joins        FROM: tables, subqueries, joins on the privacy unit
keys         what GROUP BY allows, and which groups there are
aggregates   which aggregates there are, and over what
grouping     expressions over keys and aggregates
levels       SELECT by SELECT, from the innermost: noise once, post-processing after it
rendering    the shape: DuckDB's SQL out of the typed tree
emptiness    conditions that no row can meet
thresholds   limits of groups, tau and delta
"""
