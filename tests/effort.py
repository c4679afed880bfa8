"""How many examples hypothesis draws of each law.

In the quick profile `tries` says so at the law. In the nightly one a law gets 10,000, or what the
table here grants it: about so many as take a minute, of one of two cores, so that the whole ends
within the hour. A law that has parameters gets its number for each of them.
"""

import os

from hypothesis import settings

EXAMPLES = 10_000
# Laws that take more than some 10 ms an example.
GRANTED = {
    # routing/test_laws.py: 15 to 30 ms; a reach 60, what opened later 90, a graded reach 230
    "test_matrix_is_symmetric_and_keeps_the_triangle_inequality": 2_000,
    "test_a_way_is_no_shorter_than_the_line_drawn_and_that_no_shorter_than_straight": 2_000,
    "test_avoiding_never_shortens_and_is_obeyed": 2_000,
    "test_a_closed_section_never_shortens": 2_000,
    "test_what_opened_later_never_helps_earlier": 500,
    "test_a_longer_reach_holds_a_shorter_one": 1_000,
    "test_every_end_of_a_reach_costs_what_a_route_there_does": 1_000,
    "test_a_graded_reach_of_several_is_that_of_the_nearest": 250,
    "test_alternatives_keep_their_limits": 2_000,
    "test_sums_of_legs": 2_000,
    # routing/test_own_lines.py: a network is made for each, 1 s; features: 60 ms
    "test_a_line_more_never_lengthens": 60,
    "test_km_at_stops_are_kept_and_even_between": 1_000,
    # geodesy: 6 to 14 ms; an area with 63 points about it 30, so 100,000 of these in all
    "test_distance_is_0_inside_and_to_the_outline_outside": 400,
    "test_lines_are_symmetric_and_reached_at_a_vertex": 5_000,
    "test_round_trip_along_a_line": 5_000,
    "test_wider_buffers_hold_narrower_ones": 5_000,
    "test_area_of_a_strip": 5_000,
    # geodesy/test_offset.py: 20 to 30 ms, on lines of 120 vertices 110
    "test_lines_that_wander": 500,
    "test_jagged_lines": 2_000,
    "test_bends_wider_and_narrower_than_the_radius": 2_000,
    # geodesy/test_steps.py: 25 to 80 ms
    "test_the_gap_of_two_segments_is_the_least_of_their_points": 2_500,
    "test_what_is_left_out_of_a_line_is_within_the_tolerance": 2_000,
    "test_pieces_are_short_and_on_the_geodesic": 700,
    "test_the_foot_on_an_edge_is_that_of_a_search_along_the_geodesic": 1_500,
    # scale: 20 to 70 ms; the mining options a second
    "test_cells_come_out_as_they_went_in": 1_000,
    "test_batches_and_parts_change_nothing": 1_000,
    "test_depth_is_that_of_geos": 3_000,
    "test_faster_is_never_later": 60,
    "test_faster_is_sooner": 1_000,
    # files/test_formats_laws.py, for each suffix: 30 ms, tables of values 150
    "test_points_and_texts_come_back": 150,
    "test_shapes_of_any_type_come_back": 300,
    "test_values_of_any_type_come_back": 50,
    "test_columns_of_any_name_come_back_in_their_order": 50,
    # catalogue and analysis: 30 to 100 ms; shares of zones 270
    "test_what_is_written_is_read": 600,
    "test_a_larger_limit_loses_nothing": 2_000,
    "test_the_nearest_is_never_farther_than_any_other": 1_000,
    "test_rings_part_the_buffer": 2_000,
    "test_shares_add_up": 250,
    "test_zones_are_crossed_for_as_long_as_they_are_wide": 600,
    "test_parts_of_a_partition_add_up_to_the_line": 700,
}


def tries(quick):
    """Draw so many examples in the quick profile, and what is granted in the nightly one."""

    def decorate(law):
        profile = os.environ.get("HYPOTHESIS_PROFILE", "quick")
        granted = GRANTED.get(law.__name__, EXAMPLES)
        return settings(max_examples=quick if profile == "quick" else granted)(law)

    return decorate
