{% import 'parts.sql' as parts with context %}
-- One row a deal; deleted ones are left out.
SELECT d.id AS opportunity_id, d.org_id AS customer_id, d.user_id AS rep_id,
{% if has.deal_product %}
       line.product_id AS product_id,
{% endif %}
       coalesce({% if has.deal.region and region != 'deal' %}d.region, {% endif %}{{ parts.region_of() }}, 'No region') AS region,
{% if has.deal.segment %}
       d.segment AS segment,
{% elif has.organization.segment %}
       g.segment AS segment,
{% endif %}
{% if has.deal.channel %}
       d.channel AS channel,
{% endif %}
{% if has.deal.title %}
       d.title AS name,
{% endif %}
{% if has.deal.probability %}
       CASE WHEN d.probability BETWEEN 0 AND 100 THEN d.probability / 100 END AS probability,
{% endif %}
{% if has.deal.competitor %}
       d.competitor AS competitor,
{% endif %}
{% if has.deal.lost_reason %}
       d.lost_reason AS loss_reason,
{% endif %}
       CAST(d.add_time AS DATE) AS opened_on,
       CASE WHEN d.status = 'won' THEN CAST(coalesce(d.won_time, d.close_time) AS DATE)
            WHEN d.status = 'lost' THEN CAST(coalesce(d.lost_time, d.close_time) AS DATE) END AS closed_on,
       CAST(coalesce(d.expected_close_date, d.won_time, d.lost_time, d.close_time) AS DATE) AS expected_close,
       {{ 'coalesce(s.name, d.stage_id)' if has.stage else 'd.stage_id' }} AS stage, d.value AS amount, d.status AS status
FROM deal d
{% if has.stage %}
LEFT JOIN stage s ON s.id = d.stage_id
{% endif %}
{% if has.organization %}
LEFT JOIN organization g ON g.id = d.org_id
{% endif %}
{% if has.deal_product %}
LEFT JOIN (  -- a deal's main product is the one of its lines with the most money
  SELECT p.deal_id, p.product_id, row_number() OVER (PARTITION BY p.deal_id ORDER BY CAST({{ 'p.sum' if has.deal_product.sum else 'p.item_price' }} AS DOUBLE) DESC, p.product_id) AS place
  FROM deal_product p
) line ON line.deal_id = d.id AND line.place = 1
{% endif %}
WHERE NOT d.deleted AND NOT d.is_deleted AND d.status IN ('open', 'won', 'lost')
