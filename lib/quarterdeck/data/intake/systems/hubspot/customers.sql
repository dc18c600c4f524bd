{% import 'parts.sql' as parts with context %}
-- One row a company; deleted ones stay where a deal names them.
SELECT c.id AS customer_id, coalesce(c.name, c.id) AS name,
{% if region == 'own' %}
       coalesce(c.region, 'No region') AS region,
{% elif region == 'country' %}
       coalesce(c.country, 'No region') AS region,
{% elif region == 'team' and has.company.owner_id %}
       coalesce(area.name, 'No region') AS region,
{% elif has.deal_company and region in ('deal', 'team') %}
       coalesce(most.region, 'No region') AS region,
{% else %}
       'No region' AS region,
{% endif %}
{% if has.company.customer_since %}
       CAST(c.customer_since AS DATE) AS since,
{% endif %}
{% if has.company.employees %}
       c.employees AS size,
{% endif %}
       {{ 'c.segment' if has.company.segment else 'c.industry' }} AS segment
FROM company c
{% if region == 'team' and has.company.owner_id %}
{{ parts.join_team('c.owner_id') -}}
{% elif has.deal_company and region in ('deal', 'team') %}
LEFT JOIN (  -- where most of a company's deals are
  SELECT n.company_id, n.region, row_number() OVER (PARTITION BY n.company_id ORDER BY n.deals DESC, n.region) AS place FROM (
    SELECT dc.company_id, {{ 'd.region' if region == 'deal' else 'area.name' }} AS region, count(*) AS deals
    FROM deal_company dc JOIN deal d ON d.deal_id = dc.deal_id
    {{ parts.join_team('d.owner_id') -}}
    GROUP BY 1, 2
  ) n WHERE n.region IS NOT NULL
) most ON most.company_id = c.id AND most.place = 1
{% endif %}
