-- Each deal's stage from a day on: the last one of a day. A deal is open until its last change, which has its own status.
SELECT h.deal_id AS opportunity_id, h.changed_on, {{ 'coalesce(s.name, h.stage_id)' if has.stage else 'h.stage_id' }} AS stage,
       CASE WHEN h.changed_on >= CAST(coalesce(d.won_time, d.lost_time, d.close_time) AS DATE) THEN d.status ELSE 'open' END AS status,
       d.user_id AS rep_id
FROM (
  SELECT f.deal_id, f.new_value AS stage_id, CAST(f.log_time AS DATE) AS changed_on,
         row_number() OVER (PARTITION BY f.deal_id, CAST(f.log_time AS DATE) ORDER BY f.log_time DESC) AS place
  FROM deal_flow f WHERE f.field_key = 'stage_id'
) h
JOIN deal d ON d.id = h.deal_id
{% if has.stage %}
LEFT JOIN stage s ON s.id = h.stage_id
{% endif %}
WHERE h.place = 1 AND NOT d.deleted AND NOT d.is_deleted AND d.status IN ('open', 'won', 'lost')
