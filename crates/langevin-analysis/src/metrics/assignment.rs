//! Solves the assignment problem: find the permutation π that minimises $\sum_i c_{i\pi(i)}$.
//!
//! The dual problem is $\max \sum_i u_i + \sum_j v_j$ subject to $u_i + v_j \le c_{ij}$. Both
//! optima are equal. The solution has three stages:
//!
//! 1. An auction finds prices v that are nearly optimal.
//! 2. Each row takes its best column at these prices.
//! 3. Each row that is still free, usually few, finds the shortest path of alternating edges to a
//!    free column. The path is shortest in the costs $c_{ij} - u_i - v_j \ge 0$ (Dijkstra), at
//!    O(n²) a row.
//!
//! | symbol | here |
//! |---|---|
//! | $c_{ij}$ | `cost[i * n + j]` |
//! | π | `Assignment::columns` |
//! | $v_j$ | `Assignment::duals`; $u_i = \min_j (c_{ij} - v_j)$ |
//!
//! Sources: Bertsekas, "The auction algorithm", Annals of Operations Research 14, 1988; Jonker &
//! Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
//! problems", Computing 38, 1987.

/// Marks a row or a column that is not assigned.
const FREE: usize = usize::MAX;
/// The largest mean number of bids a row makes at one ε.
const MOST_BIDS: usize = 64;

/// A permutation of least cost, with the dual variables that prove it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assignment {
    /// The column of each row.
    pub(super) columns: Vec<usize>,
    /// The dual variables v of the columns.
    pub(super) duals: Vec<f64>,
}

/// Returns the assignment of least cost for an n × n matrix of finite numbers, n ≥ 1.
pub(super) fn assign(cost: &[f64], n: usize) -> Assignment {
    let mut problem = Problem { cost, n, columns: vec![FREE; n], rows: vec![FREE; n], duals: vec![0.0; n] };
    problem.auction();
    // Two passes, as in the paper of Jonker and Volgenant: further passes gain little.
    let free = problem.reduce_rows(problem.free());
    let free = problem.reduce_rows(free);
    let mut search = Search { distance: vec![0.0; n], from: vec![0; n], price: vec![0.0; n], closed: Vec::new() };
    for row in free {
        problem.augment(row, &mut search);
    }
    Assignment { columns: problem.columns, duals: problem.duals }
}

struct Problem<'a> {
    cost: &'a [f64],
    n: usize,
    columns: Vec<usize>,
    /// The row of each column.
    rows: Vec<usize>,
    duals: Vec<f64>,
}

/// The working memory of Dijkstra's algorithm, reused for every row.
struct Search {
    /// The length of the shortest path to each column; infinite once it is final.
    distance: Vec<f64>,
    /// The row before each column on that path.
    from: Vec<u32>,
    /// The dual variables v, with −∞ for columns whose distance is final, which rules out paths
    /// through them.
    price: Vec<f64>,
    /// The columns whose distance is final, with this distance.
    closed: Vec<(usize, f64)>,
}

impl<'a> Problem<'a> {
    fn row(&self, i: usize) -> &'a [f64] {
        &self.cost[i * self.n..][..self.n]
    }

    fn free(&self) -> Vec<usize> {
        (0..self.n).filter(|i| self.columns[*i] == FREE).collect()
    }

    fn join(&mut self, row: usize, column: usize) {
        (self.columns[row], self.rows[column]) = (column, row);
    }

    /// Finds prices v that are nearly optimal.
    ///
    /// Each free row bids for its best column. The bid makes the second-best column better by ε,
    /// and the row that held the column becomes free again. A small ε from the start would cause
    /// many tiny bids, so ε falls from an eighth of the range of the costs to 1/n² of it. Only the
    /// prices are kept.
    fn auction(&mut self) {
        if self.n == 1 {
            return;
        }
        let range = |(low, high): (f64, f64), cost: &f64| (low.min(*cost), high.max(*cost));
        let (low, high) = self.cost.iter().fold((f64::INFINITY, f64::NEG_INFINITY), range);
        let last = (high - low) / (self.n * self.n) as f64;
        let mut epsilon = (high - low) / 8.0;
        while epsilon > last {
            let mut free: Vec<usize> = (0..self.n).rev().collect();
            // For some costs the bidding would take very long. The shortest-path search is correct
            // for any prices, so the number of bids is limited.
            let mut bids = MOST_BIDS * self.n;
            while let Some(i) = free.pop().filter(|_| bids > 0) {
                bids -= 1;
                let (best, column, second) = self.two_best(i);
                self.duals[column] -= second - best + epsilon;
                let loser = std::mem::replace(&mut self.rows[column], i);
                if loser != FREE {
                    free.push(loser);
                }
            }
            self.rows.fill(FREE);
            epsilon /= 5.0;
        }
    }

    /// Returns the smallest $c_{ij} - v_j$ of a row, its column, and the second smallest value.
    fn two_best(&self, i: usize) -> (f64, usize, f64) {
        const LANES: usize = 8;
        let (costs, last_costs) = self.row(i).as_chunks::<LANES>();
        let (duals, last_duals) = self.duals.as_chunks::<LANES>();
        // Each lane keeps its best two values without a branch; the lanes are merged afterwards.
        let (mut best, mut second, mut at) = ([f64::INFINITY; LANES], [f64::INFINITY; LANES], [0u64; LANES]);
        for (place, (costs, duals)) in costs.iter().zip(duals).enumerate() {
            for lane in 0..LANES {
                let reduced = costs[lane] - duals[lane];
                let wins = reduced < best[lane];
                let loser = if wins { best[lane] } else { reduced };
                second[lane] = if loser < second[lane] { loser } else { second[lane] };
                best[lane] = if wins { reduced } else { best[lane] };
                at[lane] = if wins { place as u64 } else { at[lane] };
            }
        }
        let mut all = (f64::INFINITY, 0, f64::INFINITY);
        let mut meet = |reduced: f64, column: usize| {
            if reduced < all.0 {
                all = (reduced, column, all.0);
            } else if reduced < all.2 {
                all.2 = reduced;
            }
        };
        for lane in 0..LANES {
            meet(best[lane], at[lane] as usize * LANES + lane);
            meet(second[lane], 0);
        }
        for (lane, (cost, dual)) in last_costs.iter().zip(last_duals).enumerate() {
            meet(cost - dual, costs.len() * LANES + lane);
        }
        all
    }

    /// Assigns free rows greedily and returns the rows that are still free.
    ///
    /// Each free row takes its best column and lowers its v until the second-best column is as
    /// good. The row that held the column becomes free and continues.
    fn reduce_rows(&mut self, mut free: Vec<usize>) -> Vec<usize> {
        let mut left = Vec::new();
        // With rounding, two rows may take a column from each other forever at no gain. The
        // shortest-path search is correct for any prices, so the number of steps is limited.
        let mut steps = 8 * self.n;
        free.reverse();
        while let Some(i) = free.pop() {
            if steps == 0 || self.n == 1 {
                left.push(i);
                continue;
            }
            steps -= 1;
            let (mut best, mut second) = ((f64::INFINITY, 0), (f64::INFINITY, 0));
            for (j, (cost, dual)) in self.row(i).iter().zip(&self.duals).enumerate() {
                let reduced = cost - dual;
                if reduced < second.0 {
                    if reduced < best.0 {
                        (second, best) = (best, (reduced, j));
                    } else {
                        second = (reduced, j);
                    }
                }
            }
            let gains = best.0 < second.0;
            let column = if gains {
                self.duals[best.1] -= second.0 - best.0;
                best.1
            } else if self.rows[best.1] == FREE {
                best.1
            } else {
                second.1
            };
            let loser = self.rows[column];
            self.join(i, column);
            if loser != FREE {
                self.columns[loser] = FREE;
                if gains { free.push(loser) } else { left.push(loser) }
            }
        }
        left
    }

    /// Assigns a free row along the shortest path, and makes the reduced costs on this path 0
    /// again.
    fn augment(&mut self, row: usize, search: &mut Search) {
        let Search { distance, from, price, closed } = search;
        closed.clear();
        price.copy_from_slice(&self.duals);
        distance.fill(f64::INFINITY);
        let (mut i, mut base) = (row, 0.0);
        let (next, least) = loop {
            // The loop has no branch, so that the compiler vectorises it over columns.
            let edges = self.row(i).iter().zip(price.iter());
            for ((distance, from), (cost, price)) in distance.iter_mut().zip(from.iter_mut()).zip(edges) {
                let through = cost - price - base;
                let nearer = through < *distance;
                *distance = if nearer { through } else { *distance };
                *from = if nearer { i as u32 } else { *from };
            }
            let (next, least) = smallest(distance);
            if self.rows[next] == FREE || least == f64::INFINITY {
                break (next, least);
            }
            closed.push((next, least));
            i = self.rows[next];
            base = self.row(i)[next] - self.duals[next] - least;
            (distance[next], price[next]) = (f64::INFINITY, f64::NEG_INFINITY);
        };
        if least == f64::INFINITY {
            // Unreachable: as long as a row is free, a column is free as well.
            return;
        }
        for (column, distance) in closed.iter() {
            self.duals[*column] += distance - least;
        }
        let mut next = next;
        // Walk back along the path: each row takes the column after it.
        loop {
            let i = from[next] as usize;
            let before = self.columns[i];
            self.join(i, next);
            if i == row {
                break;
            }
            next = before;
        }
    }
}

/// Returns the smallest value and its first index.
fn smallest(values: &[f64]) -> (usize, f64) {
    let mut lanes = [f64::INFINITY; 8];
    let (whole, rest) = values.as_chunks::<8>();
    for values in whole {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane = if value < lane { *value } else { *lane };
        }
    }
    let least =
        lanes.iter().chain(rest).fold(f64::INFINITY, |least, value| if *value < least { *value } else { least });
    (values.iter().position(|value| *value == least).unwrap_or(0), least)
}
