{% import 'parts.sql' as parts with context %}
-- One row an owner of deals, and one for the deals that have none.
SELECT o.owner_id AS rep_id, coalesce(nullif(trim(concat(o.first_name, ' ', o.last_name)), ''), o.email, o.owner_id) AS name,
{% if region == 'team' %}
       coalesce(area.name, 'No region') AS region
{% elif has.owner.region %}
       coalesce(o.region, 'No region') AS region
{% else %}
       coalesce(most.region, 'No region') AS region
{% endif %}
{%- if has.owner.manager %}, o.manager AS manager{% endif %}

FROM owner o
{{ parts.join_team('o.owner_id') -}}
{% if region != 'team' and not has.owner.region %}
LEFT JOIN (  -- where most of an owner's deals are
  SELECT n.owner_id, n.region, row_number() OVER (PARTITION BY n.owner_id ORDER BY n.deals DESC, n.region) AS place FROM (
    SELECT d.owner_id, {{ parts.region_of('c', 'd') }} AS region, count(*) AS deals
    FROM deal d
    {{ parts.join_company('d', false) -}}
    GROUP BY 1, 2
  ) n WHERE n.region IS NOT NULL
) most ON most.owner_id = o.owner_id AND most.place = 1
{% endif %}
WHERE o.owner_id IN (SELECT z.owner_id FROM deal z)
UNION ALL
SELECT 'No owner', 'No owner', 'No region'{% if has.owner.manager %}, CAST(NULL AS VARCHAR){% endif %} FROM (SELECT count(*) AS n FROM deal y WHERE y.owner_id IS NULL) without WHERE without.n > 0
