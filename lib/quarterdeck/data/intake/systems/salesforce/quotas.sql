-- One row a user's quota for a period{{ '' if has.period and has.forecasting_quota.period_id else '; without Period, a quota runs to the day before the next one, the last for a month' }}.
{% if has.period and has.forecasting_quota.period_id %}
SELECT q.quota_owner_id AS rep_id, CAST(p.start_date AS DATE) AS period_start, CAST(p.end_date AS DATE) AS period_end,
       sum(CAST(q.quota_amount AS DOUBLE)) AS quota
FROM forecasting_quota q
JOIN period p ON p.id = q.period_id
WHERE q.quota_amount IS NOT NULL
GROUP BY 1, 2, 3
{% else %}
SELECT s.rep_id, s.period_start,
       CAST(coalesce(lead(s.period_start) OVER (PARTITION BY s.rep_id ORDER BY s.period_start), s.period_start + INTERVAL 1 MONTH)
            - INTERVAL 1 DAY AS DATE) AS period_end, s.quota
FROM (
  SELECT q.quota_owner_id AS rep_id, CAST(q.start_date AS DATE) AS period_start, sum(CAST(q.quota_amount AS DOUBLE)) AS quota
  FROM forecasting_quota q WHERE q.quota_amount IS NOT NULL GROUP BY 1, 2
) s
{% endif %}
