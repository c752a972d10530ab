"""rules: from a selection config to what applies it.

`values` turns what is known of rows into columns, `material` gathers them in a batch, `goals` makes objectives and
constraints of it for a budget, `live` strategies for a stream, `entrance` measures frames and turns away what a
threshold forbids, `inspection` lists corrupt frames and duplicates, `object_rows` makes rows of objects out of frames,
`kept_objects` are those of earlier picks, `queries` reads query sets, `reached` compares what was asked with what came
out, `wanted_names` and `unseen` know what was named and never came, `places` say where in the config. Joins rooms, as
`build` does; no room imports it.
"""
