{% import 'parts.sql' as parts with context %}
-- One row a user who owns an opportunity{{ ' or an order' if has.salesorder.ownerid }}.
SELECT u.systemuserid AS rep_id, u.fullname AS name,
{% if region in ('user', 'territory') and has.systemuser.territoryid %}
       coalesce(home.name, 'No region') AS region,
{% else %}
       coalesce(most.region, 'No region') AS region,
{% endif %}
       {{ 'm.fullname' if has.systemuser.parentsystemuserid else 'NULL' }} AS manager
FROM systemuser u
{% if has.systemuser.parentsystemuserid %}
LEFT JOIN systemuser m ON m.systemuserid = u.parentsystemuserid
{% endif %}
{% if region in ('user', 'territory') and has.systemuser.territoryid %}
LEFT JOIN territory home ON home.territoryid = u.territoryid
{% else %}
LEFT JOIN (  -- where most of a user's opportunities are
  SELECT n.ownerid, n.region, row_number() OVER (PARTITION BY n.ownerid ORDER BY n.deals DESC, n.region) AS place FROM (
    SELECT o.ownerid, {{ parts.region_of() }} AS region, count(*) AS deals
    FROM opportunity o
    {{ parts.joins('o.accountid', 'o.ownerid', false) -}}
    GROUP BY 1, 2
  ) n WHERE n.region IS NOT NULL
) most ON most.ownerid = u.systemuserid AND most.place = 1
{% endif %}
WHERE u.systemuserid IN (
  SELECT z.ownerid FROM opportunity z
{% if has.salesorder.ownerid %}
  UNION SELECT w.ownerid FROM salesorder w
{% endif %}
{% if has.goal %}
  UNION SELECT g.goalownerid FROM goal g
{% endif %}
)
