//! The assignment problem: which permutation π makes $\sum_i c_{i\pi(i)}$ least?
//!
//! Its dual is $\max \sum_i u_i + \sum_j v_j$ over $u_i + v_j \le c_{ij}$, and both are equal at the optimum. Columns are first assigned where their smallest
//! cost is; rows that lose take the next best and lower its v; each row still free then finds the shortest path of alternating edges, in the costs
//! $c_{ij} - u_i - v_j \ge 0$, to a free column (Dijkstra), O(n²) each.
//!
//! | symbol | here |
//! |---|---|
//! | $c_{ij}$ | `cost[i * n + j]` |
//! | π | `Assignment::columns` |
//! | $v_j$ | `Assignment::duals`; $u_i = \min_j (c_{ij} - v_j)$ |
//!
//! Source: Jonker & Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems", Computing 38, 1987.

const FREE: usize = usize::MAX;

/// A permutation of least cost, and the proof that it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assignment {
    /// The column of each row.
    pub(super) columns: Vec<usize>,
    /// v.
    pub(super) duals: Vec<f64>,
}

/// The assignment of least cost for an n × n matrix of finite numbers, n ≥ 1.
pub(super) fn assign(cost: &[f64], n: usize) -> Assignment {
    let mut problem = Problem { cost, n, columns: vec![FREE; n], rows: vec![FREE; n], duals: vec![0.0; n] };
    problem.reduce_columns();
    // Twice, as the authors do: more gains little.
    let free = problem.reduce_rows(problem.free());
    let free = problem.reduce_rows(free);
    let mut search = Search { distance: vec![0.0; n], from: vec![0; n], open: vec![true; n], closed: Vec::new() };
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

/// What Dijkstra's algorithm keeps, from row to row.
struct Search {
    /// Of the shortest path to each column.
    distance: Vec<f64>,
    /// The row before each column on it.
    from: Vec<usize>,
    open: Vec<bool>,
    /// The columns whose distance is final.
    closed: Vec<usize>,
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

    /// Every v the smallest cost of its column, which goes to that row if the row is free.
    fn reduce_columns(&mut self) {
        let cost = self.cost;
        let mut costs = cost.chunks_exact(self.n);
        let mut smallest = vec![0; self.n];
        if let Some(first) = costs.next() {
            self.duals.copy_from_slice(first);
        }
        for (i, costs) in costs.enumerate() {
            for ((dual, smallest), cost) in self.duals.iter_mut().zip(&mut smallest).zip(costs) {
                if *cost < *dual {
                    (*dual, *smallest) = (*cost, i + 1);
                }
            }
        }
        for (column, row) in smallest.into_iter().enumerate() {
            if self.columns[row] == FREE {
                self.join(row, column);
            }
        }
    }

    /// Every free row takes its best column and lowers its v until the second best is as good; who had it is free, and goes on. What is left free is
    /// returned.
    fn reduce_rows(&mut self, mut free: Vec<usize>) -> Vec<usize> {
        let mut left = Vec::new();
        // Rounding may keep two rows taking one column from each other by nothing: the search that follows needs no more than it gets.
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

    /// Assigns a free row along the shortest path, and makes the costs of all edges on it 0 again.
    fn augment(&mut self, row: usize, search: &mut Search) {
        let Search { distance, from, open, closed } = search;
        closed.clear();
        open.fill(true);
        from.fill(row);
        let (mut next, mut least) = (0, f64::INFINITY);
        for (j, ((distance, cost), dual)) in distance.iter_mut().zip(self.row(row)).zip(&self.duals).enumerate() {
            *distance = cost - dual;
            if *distance < least {
                (next, least) = (j, *distance);
            }
        }
        while self.rows[next] != FREE {
            open[next] = false;
            closed.push(next);
            let (i, column, length) = (self.rows[next], next, least);
            let costs = self.row(i);
            let base = costs[column] - self.duals[column] - length;
            least = f64::INFINITY;
            for j in 0..self.n {
                if !open[j] {
                    continue;
                }
                let through = costs[j] - self.duals[j] - base;
                if through < distance[j] {
                    (distance[j], from[j]) = (through, i);
                }
                if distance[j] < least {
                    (next, least) = (j, distance[j]);
                }
            }
            if least == f64::INFINITY {
                // A free row leaves a free column, so this cannot be.
                return;
            }
        }
        for j in closed.iter() {
            self.duals[*j] += distance[*j] - least;
        }
        // Back along the path, every row takes the column after it.
        loop {
            let i = from[next];
            let before = self.columns[i];
            self.join(i, next);
            if i == row {
                break;
            }
            next = before;
        }
    }
}
