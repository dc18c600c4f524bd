{# What several tables share: a deal's company and region, and whether its stage is won or lost. #}
{% macro region_of(company, deal) -%}
{% if region == 'own' %}{{ company }}.region{% elif region == 'deal' %}{{ deal }}.region{% elif region == 'team' %}area.name{% elif region == 'country' %}{{ company }}.country{% else %}NULL{% endif %}
{%- endmacro %}
{% macro join_company(deal, needed) %}
{% if has.deal_company and (needed or (has.company and region in ('own', 'country'))) %}
LEFT JOIN (  -- the main company of a deal: HubSpot's association 5, else the first
  SELECT dc.deal_id, dc.company_id,
         row_number() OVER (PARTITION BY dc.deal_id ORDER BY {% if has.deal_company.type_id %}CASE WHEN dc.type_id = 5 THEN 0 ELSE 1 END, {% endif %}dc.company_id) AS place
  FROM deal_company dc
) link ON link.deal_id = {{ deal }}.deal_id AND link.place = 1
{% if has.company %}
LEFT JOIN company c ON c.id = link.company_id
{% endif %}
{% endif %}
{% endmacro %}
{% macro join_team(owner) %}
{% if region == 'team' %}
LEFT JOIN (
  SELECT ot.owner_id, t.name, row_number() OVER (PARTITION BY ot.owner_id ORDER BY CASE WHEN ot.is_team_primary THEN 0 ELSE 1 END, t.name) AS place
  FROM owner_team ot JOIN team t ON t.id = ot.team_id
) area ON area.owner_id = {{ owner }} AND area.place = 1
{% endif %}
{% endmacro %}
{% macro status(stage, label) -%}
{% if has.deal_pipeline_stage and has.deal_pipeline_stage.closed_won and has.deal_pipeline_stage.is_closed -%}
CASE WHEN {{ stage }}.closed_won THEN 'won' WHEN {{ stage }}.is_closed THEN 'lost' ELSE 'open' END
{%- elif has.deal_pipeline_stage and has.deal_pipeline_stage.probability -%}
CASE WHEN {{ stage }}.probability >= 1 THEN 'won' WHEN {{ stage }}.probability <= 0 THEN 'lost' ELSE 'open' END
{%- else -%}
CASE WHEN lower(replace({{ label }}, ' ', '')) = 'closedwon' THEN 'won' WHEN lower(replace({{ label }}, ' ', '')) = 'closedlost' THEN 'lost' ELSE 'open' END
{%- endif %}
{%- endmacro %}
{% macro living() -%}
NOT d.is_deleted AND NOT d._fivetran_deleted{% if has.merged_deal %}
  AND (d.deal_id IS NULL OR d.deal_id NOT IN (SELECT m.merged_deal_id FROM merged_deal m WHERE m.merged_deal_id IS NOT NULL)){% endif %}
{%- endmacro %}
