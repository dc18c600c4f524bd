{% import 'parts.sql' as parts with context %}
{% if has.deal_property_history %}
-- Each deal's state from a day on: the last stage, amount and closing day that were set until the end of that day.
SELECT f.deal_id AS opportunity_id, f.changed_on, {{ 'coalesce(s.label, f.stage)' if has.deal_pipeline_stage else 'f.stage' }} AS stage,
       {{ parts.status('s', 'f.stage') }} AS status, CAST(f.amount AS DOUBLE) AS amount, f.closes AS expected_close
{%- if has.deal.owner_id %}, d.owner_id AS rep_id{% endif %}

FROM (  -- what was not set on a day stays as it was: each value runs on until the next one
  SELECT g.deal_id, g.changed_on, max(g.stage) OVER (PARTITION BY g.deal_id, g.stages) AS stage,
         max(g.amount) OVER (PARTITION BY g.deal_id, g.amounts) AS amount, max(g.closes) OVER (PARTITION BY g.deal_id, g.closings) AS closes
  FROM (
    SELECT e.deal_id, e.changed_on, e.stage, e.amount, e.closes,
           count(e.stage) OVER (PARTITION BY e.deal_id ORDER BY e.changed_on) AS stages,
           count(e.amount) OVER (PARTITION BY e.deal_id ORDER BY e.changed_on) AS amounts,
           count(e.closes) OVER (PARTITION BY e.deal_id ORDER BY e.changed_on) AS closings
    FROM (
      SELECT p.deal_id, p.changed_on, max(CASE WHEN p.name = 'dealstage' THEN p.value END) AS stage,
             max(CASE WHEN p.name = 'amount' THEN p.value END) AS amount, max(CASE WHEN p.name = 'closedate' THEN left(p.value, 10) END) AS closes
      FROM (
        SELECT h.deal_id, lower(h.name) AS name, h.value, CAST(h.timestamp AS DATE) AS changed_on,
               row_number() OVER (PARTITION BY h.deal_id, lower(h.name), CAST(h.timestamp AS DATE) ORDER BY h.timestamp DESC) AS place
        FROM deal_property_history h WHERE lower(h.name) IN ('dealstage', 'amount', 'closedate')
      ) p WHERE p.place = 1 GROUP BY p.deal_id, p.changed_on
    ) e
  ) g
) f
JOIN deal d ON d.deal_id = f.deal_id
{% if has.deal_pipeline_stage %}
LEFT JOIN deal_pipeline_stage s ON s.stage_id = f.stage{% if has.deal.pipeline %} AND s.pipeline_id = d.pipeline{% endif %}

{% endif %}
WHERE f.stage IS NOT NULL AND {{ parts.living() }}
{% else %}
-- Each deal's stage from a day on: the last one that it entered on that day.
SELECT f.deal_id AS opportunity_id, f.changed_on, {{ 'coalesce(s.label, f.stage)' if has.deal_pipeline_stage else 'f.stage' }} AS stage,
       {{ parts.status('s', 'f.stage') }} AS status
FROM (
  SELECT h.deal_id, h.value AS stage, CAST(h.date_entered AS DATE) AS changed_on,
         row_number() OVER (PARTITION BY h.deal_id, CAST(h.date_entered AS DATE) ORDER BY h.date_entered DESC) AS place
  FROM deal_stage h
) f
JOIN deal d ON d.deal_id = f.deal_id
{% if has.deal_pipeline_stage %}
LEFT JOIN deal_pipeline_stage s ON s.stage_id = f.stage{% if has.deal.pipeline %} AND s.pipeline_id = d.pipeline{% endif %}

{% endif %}
WHERE f.place = 1 AND {{ parts.living() }}
{% endif %}
