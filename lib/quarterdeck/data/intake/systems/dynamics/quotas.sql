-- One row a goal in money that a user owns.
SELECT g.goalownerid AS rep_id, CAST(g.goalstartdate AS DATE) AS period_start, CAST(g.goalenddate AS DATE) AS period_end,
       sum(CAST(g.targetmoney AS DOUBLE)) AS quota
FROM goal g
JOIN systemuser u ON u.systemuserid = g.goalownerid
WHERE g.targetmoney IS NOT NULL
GROUP BY 1, 2, 3
