{% import 'parts.sql' as parts with context %}
-- One row a user who owns a deal, an account, an order or a quota. {{ 'A manager is the user that ManagerId names.' if has.user.manager_id }}
SELECT u.id AS rep_id,
       coalesce({% if has.user.name %}u.name, {% endif %}{% if has.user.first_name and has.user.last_name %}trim(concat(u.first_name, ' ', u.last_name)), {% endif %}u.id) AS name,
{% if region == 'own' and has.user.region %}
       coalesce(u.region, 'No region') AS region,
{% elif region == 'role' %}
       coalesce(r.name, 'No region') AS region,
{% elif region == 'country' and has.user.country %}
       coalesce(u.country, 'No region') AS region,
{% else %}
       coalesce(area.region, 'No region') AS region,
{% endif %}
{% if has.user.manager_id and (has.user.name or has.user.last_name) %}
       {{ 'm.name' if has.user.name else 'm.last_name' }} AS manager,
{% endif %}
{% if has.user.left_on %}
       CAST(u.left_on AS DATE) AS left_on,
{% endif %}
       {{ 'CAST(u.hired AS DATE)' if has.user.hired else 'NULL' }} AS hired
FROM "user" u
{% if has.user.manager_id and (has.user.name or has.user.last_name) %}
LEFT JOIN "user" m ON m.id = u.manager_id
{% endif %}
{% if region == 'role' %}
LEFT JOIN user_role r ON r.id = u.user_role_id
{% elif not ((region == 'own' and has.user.region) or (region == 'country' and has.user.country)) %}
LEFT JOIN (  -- where most of the accounts are whose deals a user owns
  SELECT c.owner_id, c.region, row_number() OVER (PARTITION BY c.owner_id ORDER BY c.deals DESC, c.region) AS place FROM (
    SELECT d.owner_id, {{ parts.region_of('a', 'owner') }} AS region, count(*) AS deals
    FROM opportunity d
    {{ parts.join_account('d.account_id', false) -}}
    GROUP BY 1, 2
  ) c WHERE c.region IS NOT NULL
) area ON area.owner_id = u.id AND area.place = 1
{% endif %}
WHERE u.id IN (
  SELECT z.owner_id FROM opportunity z
{% if has.order.owner_id %}
  UNION SELECT w.owner_id FROM "order" w
{% endif %}
{% if has.forecasting_quota %}
  UNION SELECT q.quota_owner_id FROM forecasting_quota q
{% endif %}
)
