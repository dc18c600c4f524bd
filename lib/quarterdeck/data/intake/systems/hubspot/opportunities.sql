{% import 'parts.sql' as parts with context %}
{% set amount = 'd.amount_in_home_currency' if has.deal.amount_in_home_currency else 'd.amount' %}
{% set status = parts.status('s', 'd.stage') %}
-- One row a deal; deleted and merged ones are left out. Won and lost are what the stage says.
SELECT d.deal_id AS opportunity_id,
{% if has.deal_company %}
       link.company_id AS customer_id,
{% endif %}
{% if has.deal.owner_id %}
       coalesce(d.owner_id, 'No owner') AS rep_id,
{% else %}
       'No owner' AS rep_id,
{% endif %}
{% if has.line_item and has.line_item_deal %}
       line.product_id AS product_id,
{% endif %}
       coalesce({% if has.deal.region and region != 'deal' %}d.region, {% endif %}{{ parts.region_of('c', 'd') }}, 'No region') AS region,
{% if has.deal.segment %}
       d.segment AS segment,
{% elif has.company.segment and has.deal_company %}
       c.segment AS segment,
{% elif has.company.industry and has.deal_company %}
       c.industry AS segment,
{% endif %}
{% if has.deal.channel %}
       d.channel AS channel,
{% endif %}
       CAST(d.createdate AS DATE) AS opened_on,
       CASE WHEN {{ status }} <> 'open' THEN CAST(d.closedate AS DATE) END AS closed_on,
       CAST(d.closedate AS DATE) AS expected_close, {{ 'coalesce(s.label, d.stage)' if has.deal_pipeline_stage else 'd.stage' }} AS stage,
       {{ amount }} AS amount,
{% if has.deal.name %}
       d.name AS name,
{% endif %}
{% if has.deal.next_step %}
       d.next_step AS next_step,
{% endif %}
{% if has.deal.probability %}
       CASE WHEN d.probability BETWEEN 0 AND 1 THEN d.probability END AS probability,
{% endif %}
{% if has.deal.forecast_category %}
       d.forecast_category AS forecast_category,
{% endif %}
{% if has.deal.competitor %}
       d.competitor AS competitor,
{% endif %}
{% if has.deal.loss_reason %}
       d.loss_reason AS loss_reason,
{% endif %}
       {{ status }} AS status
FROM deal d
{% if has.deal_pipeline_stage %}
LEFT JOIN deal_pipeline_stage s ON s.stage_id = d.stage{% if has.deal.pipeline %} AND s.pipeline_id = d.pipeline{% endif %}

{% endif %}
{{ parts.join_company('d', true) -}}
{{ parts.join_team('d.owner_id') -}}
{% if has.line_item and has.line_item_deal %}
LEFT JOIN (  -- a deal's main product is the one of its lines with the most money
  SELECT ld.deal_id, i.product_id, row_number() OVER (PARTITION BY ld.deal_id ORDER BY CAST(i.amount AS DOUBLE) DESC, i.id) AS place
  FROM line_item_deal ld JOIN line_item i ON i.id = ld.line_item_id
) line ON line.deal_id = d.deal_id AND line.place = 1
{% endif %}
WHERE {{ parts.living() }}
