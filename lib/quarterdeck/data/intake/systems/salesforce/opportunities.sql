{% import 'parts.sql' as parts with context %}
-- One row a deal; deleted ones are left out. CloseDate is the day a closed deal closed, and the day an open one is expected to.
SELECT o.id AS opportunity_id, {{ parts.account_of('o.account_id') }} AS customer_id, o.owner_id AS rep_id,
{% if has.opportunity_line_item %}
       line.product_2_id AS product_id,
{% endif %}
       coalesce({% if has.opportunity.region %}o.region, {% endif %}{{ parts.region_of('a', 'owner') }}, 'No region') AS region,
{% if has.opportunity.segment %}
       o.segment AS segment,
{% elif has.account.segment %}
       a.segment AS segment,
{% elif has.account %}
       a.industry AS segment,
{% endif %}
{% if has.opportunity.channel %}
       o.channel AS channel,
{% endif %}
       CAST(o.created_date AS DATE) AS opened_on,
       CASE WHEN o.is_closed THEN CAST(o.close_date AS DATE) END AS closed_on,
       CAST(o.close_date AS DATE) AS expected_close, o.stage_name AS stage,
       CAST(o.amount AS DOUBLE){{ parts.rate(has.opportunity) }} AS amount,
{% if has.opportunity.name %}
       o.name AS name,
{% endif %}
{% if has.opportunity.next_step %}
       o.next_step AS next_step,
{% endif %}
{% if has.opportunity.competitor %}
       o.competitor AS competitor,
{% endif %}
{% if has.opportunity.loss_reason %}
       o.loss_reason AS loss_reason,
{% endif %}
       CASE WHEN o.is_won THEN 'won' WHEN o.is_closed THEN 'lost' ELSE 'open' END AS status{{ parts.forecast_of('o', has.opportunity) }}
FROM opportunity o
{{ parts.join_account('o.account_id', true) -}}
{{ parts.join_owner('o.owner_id') -}}
{% if has.opportunity_line_item %}
LEFT JOIN (  -- a deal's main product is the one of its lines with the most money
  SELECT l.opportunity_id, l.product_2_id,
         row_number() OVER (PARTITION BY l.opportunity_id ORDER BY CAST(l.total_price AS DOUBLE) DESC, l.id) AS place
  FROM opportunity_line_item l WHERE NOT l.is_deleted
) line ON line.opportunity_id = o.id AND line.place = 1
{% endif %}
{{ parts.join_rates(has.opportunity, 'o.currency_iso_code', 'CASE WHEN o.is_closed THEN CAST(o.close_date AS DATE) ELSE current_date END') -}}
WHERE NOT o.is_deleted
