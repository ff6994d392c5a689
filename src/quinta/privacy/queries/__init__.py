"""Private SQL: from a statement to noisy rows (contract dq0 5; docs/privacy.md).

analysis    statement and metadata -> Plan, or a refusal that says what and where
allocation  Plan and epsilon -> what each measure may spend, tau, cost
rows        Plan -> SQL of the source -> exact, bounded integers for each group, in the query worker only
release     those integers -> noise, thresholds, enumerated groups -> a noisy table
shaping     noisy table -> HAVING, ORDER BY, LIMIT and arithmetic, which cost nothing -> results.csv
"""
