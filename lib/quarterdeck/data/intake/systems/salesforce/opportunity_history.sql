{% import 'parts.sql' as parts with context %}
{% set rates = has.opportunity.currency_iso_code %}
{% if has.opportunity_history %}
-- Each deal's state from a day on, by OpportunityHistory: the last one of a day. Won and lost are read off the deal's own last stage.
SELECT h.opportunity_id, CAST(h.created_date AS DATE) AS changed_on, h.stage_name AS stage,
       CASE WHEN h.stage_name = o.stage_name AND o.is_won THEN 'won'
            WHEN h.stage_name = o.stage_name AND o.is_closed THEN 'lost' ELSE 'open' END AS status,
       CAST(h.amount AS DOUBLE){{ parts.rate(has.opportunity) }} AS amount, CAST(h.close_date AS DATE) AS expected_close,
       o.owner_id AS rep_id{{ parts.forecast_of('h', has.opportunity_history) }}
FROM (
  SELECT x.opportunity_id, x.created_date, x.stage_name, x.amount, x.close_date,
{% if has.opportunity_history.probability %}
         x.probability,
{% endif %}
{% if has.opportunity_history.forecast_category %}
         x.forecast_category,
{% endif %}
         row_number() OVER (PARTITION BY x.opportunity_id, CAST(x.created_date AS DATE) ORDER BY x.created_date DESC, x.id DESC) AS place
  FROM opportunity_history x WHERE NOT x.is_deleted
) h
JOIN opportunity o ON o.id = h.opportunity_id AND NOT o.is_deleted
{{ parts.join_rates(has.opportunity, 'o.currency_iso_code', 'CASE WHEN o.is_closed THEN CAST(o.close_date AS DATE) ELSE current_date END') -}}
WHERE h.place = 1
{% elif has.opportunity_versions %}
-- Each deal's state from a day on, by the versions that a connector keeps (history mode): the last one of a day.
SELECT h.id AS opportunity_id, CAST(h._fivetran_start AS DATE) AS changed_on, h.stage_name AS stage,
       CASE WHEN h.is_won THEN 'won' WHEN h.is_closed THEN 'lost' ELSE 'open' END AS status,
       CAST(h.amount AS DOUBLE){{ parts.rate(has.opportunity) }} AS amount, CAST(h.close_date AS DATE) AS expected_close,
       h.owner_id AS rep_id
FROM (
  SELECT x.id, x._fivetran_start, x.stage_name, x.amount, x.close_date, x.owner_id, x.is_won, x.is_closed,
         row_number() OVER (PARTITION BY x.id, CAST(x._fivetran_start AS DATE) ORDER BY x._fivetran_start DESC) AS place
  FROM opportunity_versions x WHERE NOT x.is_deleted
) h
JOIN opportunity o ON o.id = h.id AND NOT o.is_deleted
{{ parts.join_rates(has.opportunity, 'o.currency_iso_code', 'CASE WHEN o.is_closed THEN CAST(o.close_date AS DATE) ELSE current_date END') -}}
WHERE h.place = 1
{% else %}
-- Each deal's stage from a day on, by OpportunityFieldHistory: what it was created with, then each change; the last one of a day.
SELECT h.opportunity_id, h.changed_on, h.stage,
       CASE WHEN h.stage = o.stage_name AND o.is_won THEN 'won'
            WHEN h.stage = o.stage_name AND o.is_closed THEN 'lost' ELSE 'open' END AS status, o.owner_id AS rep_id
FROM (
  SELECT e.opportunity_id, CAST(e.moment AS DATE) AS changed_on, e.stage,
         row_number() OVER (PARTITION BY e.opportunity_id, CAST(e.moment AS DATE) ORDER BY e.moment DESC) AS place
  FROM (
    SELECT f.opportunity_id, f.created_date AS moment, f.new_value AS stage FROM opportunity_field_history f
    WHERE lower(f.field) = 'stagename' AND NOT f.is_deleted
    UNION ALL
    SELECT b.opportunity_id, b.created_date, coalesce(b.old_value, b.stage_name) FROM (
      SELECT p.id AS opportunity_id, p.created_date, p.stage_name, g.old_value,
             row_number() OVER (PARTITION BY p.id ORDER BY g.created_date) AS place
      FROM opportunity p
      LEFT JOIN opportunity_field_history g ON g.opportunity_id = p.id AND lower(g.field) = 'stagename'
    ) b WHERE b.place = 1
  ) e
) h
JOIN opportunity o ON o.id = h.opportunity_id AND NOT o.is_deleted
WHERE h.place = 1
{% endif %}
