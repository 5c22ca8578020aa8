use super::*;
use crate::dataset::Dataset;
use crate::vocabulary::Vocabulary;

fn refused<T: std::fmt::Debug>(result: Result<T>, words: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

/// Graphs of each size with edges from a linear congruence.
fn graphs() -> Vec<Graph> {
    let mut state = 1_u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 30
    };
    (0..=MOST_NODES)
        .map(|nodes| {
            let pairs = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b)));
            let edges = pairs.filter(|_| next() == 0).map(|(a, b)| (a, b, 1)).collect();
            Graph::new(vec![1; nodes], edges).unwrap()
        })
        .collect()
}

/// The texts are those of networkx 3.6, `nx.to_graph6_bytes(graph, header=False)`.
#[test]
fn texts_are_those_of_the_format() {
    let of = |nodes: usize, edges: &[(usize, usize)]| {
        Graph::new(vec![1; nodes], edges.iter().map(|(a, b)| (*a, *b, 1)).collect()).unwrap()
    };
    let complete: Vec<(usize, usize)> = (0..5).flat_map(|a| (a + 1..5).map(move |b| (a, b))).collect();
    let cycle: Vec<(usize, usize)> = (0..6).map(|a| (a, (a + 1) % 6)).collect();
    for (graph, text) in [
        (of(0, &[]), "?"),
        (of(1, &[]), "@"),
        (of(2, &[(0, 1)]), "A_"),
        (of(3, &[(0, 1), (1, 2)]), "Bg"),
        (of(5, &complete), "D~{"),
        (of(5, &[(0, 2), (0, 4), (1, 3), (3, 4)]), "DQc"),
        (of(6, &cycle), "EhEG"),
    ] {
        assert_eq!((graph.to_graph6().as_str(), graph.to_string().as_str()), (text, text));
        assert_eq!(Graph::from_graph6(text).unwrap(), graph);
    }
}

#[test]
fn graphs_of_every_size_come_back() {
    let all = graphs();
    let shape = GraphShape::new(MOST_NODES, 1, 1).unwrap();
    for graph in &all {
        assert_eq!(&graph.to_string().parse::<Graph>().unwrap(), graph);
        assert_eq!(&shape.graph(&shape.tokens(graph).unwrap()).unwrap(), graph);
    }
    let data = Dataset::of_graphs("all", shape, &all).unwrap();
    let vocabulary = data.vocabulary().unwrap();
    for (row, graph) in all.iter().enumerate() {
        let tokens = data.tokens(row).unwrap();
        assert_eq!(vocabulary.decode(&tokens), graph.to_string());
        assert_eq!(vocabulary.encode(&graph.to_string(), shape.length()).unwrap(), tokens);
    }
}

#[test]
fn absent_nodes_may_be_anywhere() {
    let shape = GraphShape::new(4, 3, 2).unwrap();
    // Nodes 1 and 3, with an edge of label 2 between them: the token of (1, 3).
    let mut tokens = vec![0, 3, 0, 1, 0, 0, 0, 0, 0, 0];
    tokens[shape.edge(1, 3).unwrap()] = 2;
    assert_eq!(shape.graph(&tokens).unwrap(), Graph::new(vec![3, 1], vec![(0, 1, 2)]).unwrap());
    tokens[shape.edge(0, 1).unwrap()] = 1;
    refused(shape.graph(&tokens), "an edge has an absent node (edge 0-1)");
    // What is no graph is shown as letters; 4 is the mask.
    let vocabulary = Vocabulary::graphs(shape);
    tokens[2] = 4;
    assert_eq!(vocabulary.decode(&tokens), "0 3 _ 1 | 1 0 0 0 2 0");
}

#[test]
fn bad_graphs_are_refused() {
    refused(Graph::new(vec![1, 1], vec![(1, 1, 1)]), "a loop (edge 1-1)");
    refused(Graph::new(vec![1, 1], vec![(0, 2, 1)]), "absent node (edge 0-2)");
    refused(Graph::new(vec![1, 1], vec![(0, 1, 1), (1, 0, 2)]), "two edges join the same nodes (edge 0-1)");
    refused(Graph::new(vec![1, 1], vec![(0, 1, 0)]), "label 0");
    refused(Graph::new(vec![1, 0], vec![]), "node 1");
    refused(Graph::new(vec![1; 33], vec![]), "at most 32 nodes, got 33");
    refused(Graph::from_matrix(vec![1, 1], &[0, 1, 2, 0]), "not symmetric");
    refused(Graph::from_matrix(vec![1, 1], &[1, 0, 0, 0]), "a loop");
    refused(Graph::from_matrix(vec![1, 1], &[0; 3]), "2 × 2");
    let shape = GraphShape::new(3, 2, 1).unwrap();
    refused(shape.tokens(&Graph::new(vec![1; 4], vec![]).unwrap()), "at most 3, got 4");
    refused(shape.tokens(&Graph::new(vec![3], vec![]).unwrap()), "out of range (node 0)");
    refused(shape.tokens(&Graph::new(vec![1, 1], vec![(0, 1, 2)]).unwrap()), "out of range (edge 0-1)");
    refused(shape.graph(&[1, 1, 0, 2, 0, 0]), "row 1, token 4");
    refused(shape.graph(&[1, 1]), "6 tokens");
    let fixed = GraphShape::new(3, 0, 1).unwrap();
    refused(fixed.tokens(&Graph::new(vec![1; 2], vec![]).unwrap()), "expected 3, got 2");
    refused(fixed.tokens(&Graph::new(vec![1, 2, 1], vec![]).unwrap()), "out of range");
    for (nodes, node_labels, edge_labels) in [(0, 1, 1), (33, 1, 1), (1, 0, 1), (3, 1, 0), (3, 1 << 20, 1)] {
        refused(GraphShape::new(nodes, node_labels, edge_labels), "bad size of graphs");
    }
    refused(GraphShape::of(&[]), "bad size of graphs");
}

#[test]
fn bad_texts_are_refused() {
    for (text, words) in [
        ("", "empty"),
        ("B", "1 characters for 3 nodes, got 0"),
        ("Bgg", "got 2"),
        ("B g", "byte 2"),
        ("B@", "after the last edge"),
        ("~", "cut short"),
        ("~~", "cut short"),
        ("~?@?", "at most 32 nodes, got 64"),
        ("~~~~~~~~", "at most 32 nodes"),
        (":Bc", "sparse6"),
        ("&B?", "digraph6"),
        ("Bé", "byte 2"),
        ("1,x 0-1", "'1,x'"),
        ("1,1 0+1", "'0+1'"),
        ("1,1 0-1:", "'0-1:'"),
        ("1,1 0-99999999999", "cannot be read"),
        ("1,1 0-1 0-1", "too many edges"),
        ("1,1 1-1", "a loop"),
    ] {
        refused(text.parse::<Graph>(), words);
    }
}

#[test]
fn files_are_read_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.g6");
    let open = |text: &[u8], shape| {
        std::fs::write(&path, text).unwrap();
        open_graphs(&path, shape)
    };
    let mixed = open(b"Bw\r\n\n1,2 0-1:3\n", None).unwrap();
    let shape = mixed.vocabulary().unwrap().graph_shape().unwrap();
    assert_eq!((shape.nodes(), shape.node_labels(), shape.edge_labels()), (3, 2, 3));
    assert_eq!(mixed.read_tokens(&[0, 1]).unwrap(), [1, 1, 1, 1, 1, 1, 1, 2, 0, 3, 0, 0]);
    refused(open(b"Bw\nBgg\n", None), "some.g6, line 2");
    refused(open(b"Bw\nC~\n", Some(GraphShape::new(3, 1, 1).unwrap())), "line 2");
    refused(open(b"\n", None), "bad size");
    refused(open(b"B\xff\n", None), "byte 2");
    // The readers of text give the same rows.
    std::fs::write(&path, "Bw\nBg\n").unwrap();
    let how = crate::TextOptions::new(crate::TokenKind::Graphs);
    let text = crate::open_text(&path, &how).unwrap();
    let graphs = open_graphs(&path, None).unwrap();
    assert_eq!(text.read_tokens(&[0, 1]).unwrap(), graphs.read_tokens(&[0, 1]).unwrap());
    let again = crate::open_text_as(&path, graphs.vocabulary().unwrap(), 3).unwrap();
    assert_eq!(again.vocabulary(), graphs.vocabulary());
    refused(crate::open_text_as(&path, graphs.vocabulary().unwrap(), 4), "3 tokens");
    refused(crate::open_text(&path, &how.length(3)), "length");
}

#[test]
fn the_document_of_a_vocabulary_is_checked() {
    let vocabulary = Vocabulary::graphs(GraphShape::new(3, 2, 1).unwrap());
    let json = serde_json::to_string(&vocabulary).unwrap();
    assert_eq!(serde_json::from_str::<Vocabulary>(&json).unwrap(), vocabulary);
    let bad = json.replace("\"nodes\":3", "\"nodes\":99");
    assert!(serde_json::from_str::<Vocabulary>(&bad).unwrap_err().to_string().contains("1 to 32"));
    // A vocabulary of graphs without their shape is none.
    refused(Vocabulary::new(crate::TokenKind::Graphs, vec!["0".into(), "1".into()], None), "the shape of the graphs");
    // Letters that nodes have are no letters of edges.
    refused(Dataset::of_tokens("x", vec![2, 1, 0, 2, 0, 0], 6, vocabulary.clone()), "row 1, token 4");
    refused(Dataset::of_tokens("x", vec![2, 1, 0], 3, vocabulary), "6 tokens");
}
