//! What is given is used or refused: every flag of every command changes an answer, or is refused
//! by name, in one call at least. The flags are read from the help, so that a new one without a
//! call here fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{langevin, run_saying as run, works};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A call, and behind the bar the flag that is added to it. A value that is refused is one that the
/// flag checks.
const CALLS: &[&str] = &[
    // Threads and devices change no sample.
    "sample -n 4 --steps 3 --out o.npy | --exact moons",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --onnx net.onnx",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --process vp",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --mask-id 3",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --predict x0",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --clock lambda",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --input-sigma-data 1",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --trained-range 1,2",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --normalization 0,2",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --shape 2",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --input c=rows.npy",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --output y",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --uncond-input c=rows.npy",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --device x",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --as vp",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --sampler heun",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --moves (R)*3",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --eta 1",
    "sample --exact moons -n 4 --out o.npy | --steps 3",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --grid uniform-t",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --sigma-min 0.1",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --sigma-max 10",
    "sample --exact moons -n 4 --steps 3 --grid ays:sd --out o.npy | --sigma-max 10",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --class 1",
    "sample c.safetensors -n 4 --steps 3 --out o.npy | --class 1",
    "sample c.safetensors -n 4 --steps 3 --class 1 --out o.npy | --guidance 3",
    "sample c.safetensors -n 4 --steps 3 --class 1 --out o.npy | --guidance-sweep 1,3",
    "sample c.safetensors -n 4 --steps 3 --class 1 --out o.npy | --guidance-interval 1,2",
    "sample c.safetensors -n 4 --steps 3 --class 1 --guidance 3 --out o.npy | --guidance-interval 1,2",
    "sample m.safetensors -n 4 --steps 3 --out o.npy | --from rows.npy",
    "sample m.safetensors -n 4 --steps 3 --from rows.npy --out o.npy | --strength 0.9",
    "sample m.safetensors -n 4 --steps 3 --from rows.npy --out o.npy | --mask mask.npy",
    "sample --exact moons -n 4 --out o.npy | --adaptive dpm12",
    "sample --exact moons -n 4 --adaptive dpm12 --atol 1e-6 --out o.npy | --rtol 0.5",
    "sample --exact moons -n 4 --adaptive dpm12 --out o.npy | --atol 3",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --rtol 0.5",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --atol 0.5",
    "sample --exact moons --steps 3 --out o.npy | --count 5",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --seed 5",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --batch 0",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --threads 0",
    "sample --exact moons -n 4 --steps 3 | --out o.npy",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --dtype f32",
    "sample --exact moons -n 4 --steps 3 --out o.png | --dtype f32",
    "sample --exact moons -n 4 --steps 3 --out o.npy | --json",
    "invert --from rows.npy --steps 3 --out o.npy | --exact moons",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --onnx net.onnx",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --process vp",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --noise uniform",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --mask-id 3",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --predict x0",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --clock lambda",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --input-sigma-data 1",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --trained-range 1,2",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --normalization 0,2",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --shape 2",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --input c=rows.npy",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --output y",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --uncond-input c=rows.npy",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --device x",
    "invert m.safetensors --steps 3 --out o.npy | --from rows.npy",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --count 2",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --between 3",
    "invert m.safetensors --from rows.npy --steps 3 --json --out o.npy | --sampler heun",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --moves RRR",
    "invert m.safetensors --from rows.npy --steps 3 --json --out o.npy | --eta 1",
    "invert m.safetensors --from rows.npy --out o.npy | --steps 3",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --grid uniform-t",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --sigma-min 0.1",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --sigma-max 10",
    "invert c.safetensors --from pictures --steps 3 --out o.npy | --class 1",
    "invert c.safetensors --from pictures --class 1 --steps 3 --out o.npy | --guidance 3",
    "invert c.safetensors --from pictures --class 1 --steps 3 --out o.npy | --guidance-sweep 1,3",
    "invert c.safetensors --from pictures --class 1 --steps 3 --out o.npy | --guidance-interval 1,2",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --threads 0",
    "invert m.safetensors --from rows.npy --steps 3 | --out o.npy",
    "invert m.safetensors --from rows.npy --steps 3 --out o.npy | --json",
    "train --steps 3 --json --width 8 --out o.safetensors | --data rows.csv",
    "train --data rows.csv --steps 3 --json --width 8 | --out o.safetensors",
    "train --data rows.csv --steps 3 --json --width 8 | --run n",
    "train --steps 3 --json | --resume r",
    "train --steps 3 --json --width 8 --out o.safetensors | --config c.toml",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --set lr=0.5",
    "train --data rows.csv --steps 3 --width 8 --out o.safetensors | --json",
    "train --data rows.csv --json --width 8 --warmup 1 --steps 3 --out o.safetensors | --steps 4",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --minutes 1",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --seed 7",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --threads 0",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --device x",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --hold-out 0.3",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --dequantize",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --no-normalize",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --conditional",
    "train --data kinds.csv --steps 3 --json --width 8 --out o.safetensors | --label-column kind",
    "train --data digits --steps 3 --json --width 8 --out o.safetensors | --label-column kind",
    "train --data moons --steps 3 --json --width 8 --out o.safetensors | --label-column kind",
    "train --data rows.npy --steps 3 --json --width 8 --out o.safetensors | --label-column kind",
    "train --data pictures --steps 3 --json --width 8 --out o.safetensors | --label-column kind",
    "train --data digits --steps 3 --json --width 8 --out o.safetensors | --label-dropout 0.5",
    "train --data digits --steps 3 --json --width 8 --conditional --out o.safetensors | --label-dropout 0.5",
    "train --data pictures --steps 3 --json --width 8 --out o.safetensors | --size 4,4",
    "train --data digits --steps 3 --json --width 8 --out o.safetensors | --size 4,4",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --size 4,4",
    "train --data rows.npy --steps 3 --json --width 8 --out o.safetensors | --size 4,4",
    "train --data digits --steps 3 --json --width 8 --out o.safetensors | --crop 4,4",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --crop 4,4",
    "train --data digits --steps 3 --json --width 8 --out o.safetensors | --flip",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --flip",
    "train --data broken --steps 3 --json --width 8 --out o.safetensors | --skip-bad",
    "train --data digits --steps 3 --json --width 8 --out o.safetensors | --skip-bad",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --skip-bad",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --memory 0",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --process vp",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --predict x0",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --weight min-snr",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --times logit-normal",
    "train --data rows.csv --steps 600 --batch 8 --json --width 8 --out o.safetensors | --adaptive",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --coupling transport",
    "train --data digits --steps 1 --json --width 32 --depth 1 --batch 4 --out o.safetensors | --network dit",
    "train --data rows.csv --steps 3 --json --out o.safetensors | --width 8",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --depth 1",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --fourier 2",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --waves 2",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --activation gelu",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --plain",
    "train --data digits --network dit --steps 1 --json --width 32 --depth 1 --batch 4 --out o.safetensors | --waves 2",
    "train --data digits --network dit --steps 1 --json --width 32 --depth 1 --batch 4 --out o.safetensors | --activation gelu",
    "train --data digits --network dit --steps 1 --json --width 32 --depth 1 --batch 4 --out o.safetensors | --plain",
    "train --data digits --network dit --steps 1 --json --width 32 --depth 1 --batch 4 --out o.safetensors | --patch 4",
    "train --data digits --network dit --steps 1 --json --width 32 --depth 1 --batch 4 --out o.safetensors | --heads 2",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --patch 4",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --heads 2",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --batch 4",
    "train --data names --steps 3 --json --width 8 --depth 1 --out o.safetensors | --optimizer adamw",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --lr 0.1",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --warmup 1",
    "train --data rows.csv --steps 3 --json --width 8 --warmup 0 --log-every 1 --out o.safetensors | --decay constant",
    "train --data rows.csv --steps 3 --json --width 8 --warmup 0 --lr 0.5 --out o.safetensors | --weight-decay 1",
    "train --data names --steps 3 --json --width 8 --depth 1 --out o.safetensors | --dropout 0.5",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --dropout 0.5",
    "train --data rows.csv --steps 3 --json --width 8 --warmup 0 --hold-out 0.3 --out o.safetensors | --ema 0.1",
    "train --data rows.csv --steps 3 --json --width 8 --warmup 0 --out o.safetensors | --clip 0.001",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --log-every 1",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --save-every 0",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --averages-every 1",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --samples-every 1",
    "report r --quick --out o.html | --seed 3",
    "report r --out o.html | --quick",
    "report r --quick | --out o.html",
    "report r --quick --out o.html | --sampler heun",
    "report r --quick --out o.html | --moves RR",
    "report r --quick --out o.html | --eta 1",
    "report r --quick --out o.html | --steps 3",
    "report r --quick --out o.html | --grid uniform-t",
    "report r --quick --out o.html | --sigma-min 0.1",
    "report r --quick --out o.html | --sigma-max 10",
    "report r --quick --out o.html | --class 1",
    "report r --quick --out o.html | --guidance 2 --class 1",
    "report r --quick --out o.html | --guidance-sweep 2 --class 1",
    "report r --quick --out o.html | --guidance-interval 1,2 --class 1",
    "analyze --steps 3 | --onnx net.onnx",
    "analyze --steps 3 | --predict x0",
    "analyze --steps 3 | --clock lambda",
    "analyze --steps 3 | --input-sigma-data 1",
    "analyze --steps 3 | --trained-range 1,2",
    "analyze --steps 3 | --normalization 0,2",
    "analyze --steps 3 | --shape 2",
    "analyze --steps 3 | --input c=rows.npy",
    "analyze --steps 3 | --output y",
    "analyze --steps 3 | --sampler ddim",
    "analyze --steps 3 | --grid uniform-t",
    "analyze plan.json | --grid uniform-t",
    "analyze plan.json | --steps 3",
    "analyze --sampler ddim | --steps 3",
    "analyze --steps 3 | --process ve",
    "analyze --steps 3 | --spectrum power:1:d=10",
    "analyze --steps 3 | --data rows.csv",
    "analyze --steps 3 | --score-error 0.1",
    "analyze --steps 3 | --sigma-min 0.1",
    "analyze --steps 3 | --sigma-max 10",
    "analyze --steps 4 --sampler heun | --nfe",
    "analyze --steps 3 | --sources",
    "analyze --steps 3 | --json",
    "analyze --steps 3 | --plot o.html",
    "recommend --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --spectrum power:2:d=9",
    "recommend --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --data rows.csv",
    "recommend --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --model m.safetensors",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --onnx net.onnx",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --predict x0",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --noise masked",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --mask-id 3",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --clock lambda",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --input-sigma-data 1",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --trained-range 1,2",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --normalization 0,2",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --shape 2",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --input c=rows.npy",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --output y",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --out o.json | --nfe 3",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --process ve",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --score-error 0.1",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --by kl",
    "recommend --spectrum power:2:d=9 --grid karras --nfe 3 --out o.json | --sampler ddim",
    "recommend --spectrum power:2:d=9 --sampler ddim --nfe 3 --out o.json | --grid uniform-t",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --sigma-min 0.1",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --sigma-max 10",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 | --out o.json",
    "recommend --spectrum power:2:d=9 --sampler ddim,ddpm --grid karras --nfe 3 --out o.json | --json",
    "objective | --process vp",
    "objective | --predict x0",
    "objective | --weight min-snr",
    "objective | --times logit-normal",
    "objective | --sigma-min 0.1",
    "objective | --sigma-max 10",
    "objective | --points 3",
    "objective | --plot o.html",
    "objective | --json",
    "evaluate --data rows.csv | --exact moons",
    "evaluate m.safetensors --data rows.csv --steps 3 | --onnx net.onnx",
    "evaluate m.safetensors --data rows.csv --steps 3 | --process vp",
    "evaluate m.safetensors --data rows.csv --steps 3 | --noise uniform",
    "evaluate m.safetensors --data rows.csv --steps 3 | --mask-id 3",
    "evaluate m.safetensors --data rows.csv --steps 3 | --predict x0",
    "evaluate m.safetensors --data rows.csv --steps 3 | --clock lambda",
    "evaluate m.safetensors --data rows.csv --steps 3 | --input-sigma-data 1",
    "evaluate m.safetensors --data rows.csv --steps 3 | --trained-range 1,2",
    "evaluate m.safetensors --data rows.csv --steps 3 | --normalization 0,2",
    "evaluate m.safetensors --data rows.csv --steps 3 | --shape 2",
    "evaluate m.safetensors --data rows.csv --steps 3 | --input c=rows.npy",
    "evaluate m.safetensors --data rows.csv --steps 3 | --output y",
    "evaluate m.safetensors --data rows.csv --steps 3 | --uncond-input c=rows.npy",
    "evaluate m.safetensors --data rows.csv --steps 3 | --device x",
    "evaluate m.safetensors --steps 3 | --data rows.csv",
    "evaluate m.safetensors --data rows.csv --steps 3 | --count 8",
    "evaluate m.safetensors --data rows.csv --steps 3 --json | --sampler heun",
    "evaluate m.safetensors --data rows.csv --json | --moves RRR",
    "evaluate m.safetensors --data rows.csv --steps 3 --json | --eta 1",
    "evaluate m.safetensors --data rows.csv --json | --steps 3",
    "evaluate m.safetensors --data rows.csv --steps 3 --json | --grid uniform-t",
    "evaluate m.safetensors --data rows.csv --steps 3 --json | --sigma-min 0.1",
    "evaluate m.safetensors --data rows.csv --steps 3 --json | --sigma-max 10",
    "evaluate m.safetensors --data rows.csv --steps 3 | --class 1",
    "evaluate m.safetensors --data rows.csv --steps 3 | --guidance 2",
    "evaluate m.safetensors --data rows.csv --steps 3 | --guidance-sweep 2 --class 1",
    "evaluate m.safetensors --data rows.csv --steps 3 | --guidance-interval 1,2 --class 1",
    "evaluate m.safetensors --data rows.csv --steps 3 --json | --seed 3",
    "evaluate m.safetensors --data rows.csv --steps 3 | --threads 0",
    "evaluate m.safetensors --data rows.csv --steps 3 | --json",
    "tune --nfe 3 --samples 4 --test 8 --method steps --json | --exact moons",
    "tune m.safetensors --samples 4 --test 8 --method steps --json | --nfe 3",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method steps --json | --as ve",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --json | --method bound",
    "tune m.safetensors --nfe 3 --test 8 --method steps --json | --samples 4",
    "tune m.safetensors --nfe 3 --samples 4 --method steps --json | --test 8",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method steps --json | --seed 4",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method steps --json | --sigma-min 0.1",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method steps --json | --sigma-max 10",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method times | --minutes 0.000001",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method steps --json | --data rows.csv",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method steps | --threads 0",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method steps | --out o.json",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method steps | --plot o.html",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method steps | --json",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --onnx net.onnx",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --process vp",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --noise uniform",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --mask-id 3",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --predict x0",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --clock lambda",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --input-sigma-data 1",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --trained-range 1,2",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --normalization 0,2",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --shape 2",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --input c=rows.npy",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --output y",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --uncond-input c=rows.npy",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --device x",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --class 1",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --guidance 2",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --guidance-sweep 2 --class 1",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 | --guidance-interval 1,2 --class 1",
    "likelihood --exact chain:3x5 -n 3 | --exact-likelihood",
    "sample --exact chain:3x5 -n 40 --steps 3 --out o.npy | --noise uniform",
    "sample --exact chain:3x5 -n 4 --steps 3 --from rows.npy --out o.npy | --keep 1",
    "plan --sampler entropy --steps 2 | --tokens masked:3x5",
    "compare tokens:sizes tokens:entropy --steps 2 | --tokens masked:3x5",
    "analyze --sampler euler --steps 3 | --exact chain:3x4",
    "recommend --nfe 3 --spectrum power:1:d=8 | --exact chain:3x6",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --noise masked",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --tokens chars",
    "train --data kinds.csv --noise masked --steps 3 --json --width 8 --out o.safetensors | --categories grade",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --beside autoregressive",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --length 8",
    "likelihood --data moons -n 3 --levels 2 | --exact moons",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --onnx net.onnx",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --process vp",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --noise uniform",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --mask-id 3",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --predict x0",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --clock lambda",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --input-sigma-data 1",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --trained-range 1,2",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --normalization 0,2",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --shape 2",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --input c=rows.npy",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --output y",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --device x",
    "likelihood --exact moons -n 3 --levels 2 | --data moons",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 | --held-out",
    "likelihood --exact moons --data moons --levels 2 | --count 3",
    "likelihood --exact moons --data moons -n 3 --levels 2 --json | --as vq",
    "likelihood --exact moons --data moons -n 3 | --method ode",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --eta 0.5",
    "likelihood --exact moons --data moons -n 3 --json | --levels 2",
    "likelihood --exact moons --data moons -n 3 --method ode | --levels 2",
    "likelihood --exact moons --data moons -n 3 | --divergence exact",
    "likelihood --exact moons --data moons -n 3 --method ode --json | --divergence hutchinson:2",
    "likelihood --exact moons --data moons -n 3 | --tolerance 1e-3",
    "likelihood --exact moons --data moons -n 3 --method ode --json | --tolerance 1e-2",
    "likelihood --exact moons --data moons -n 3 --levels 2 --json | --sigma-min 0.1",
    "likelihood --exact moons --data moons -n 3 --levels 2 --json | --sigma-max 10",
    "likelihood --exact moons --data moons -n 3 --levels 2 --json | --seed 4",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --threads 0",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --out o.npy",
    "likelihood --exact moons --data moons -n 3 --levels 2 | --json",
    "diagnose --data rows.csv -n 100 --rows 4 --steps 3 | --exact moons",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --onnx net.onnx",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --process vp",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --noise uniform",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --mask-id 3",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --predict x0",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --clock lambda",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --input-sigma-data 1",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --trained-range 1,2",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --normalization 0,2",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --shape 2",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --input c=rows.npy",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --output y",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --device x",
    "diagnose m.safetensors -n 100 --rows 4 --steps 3 | --data rows.csv",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --held-out",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 --json | --as vp",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 --json | --sampler ddim",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --json | --moves RRR",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 --json | --eta 1",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --json | --steps 3",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 --json | --grid uniform-t",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 --json | --sigma-min 0.1",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 --json | --sigma-max 10",
    "diagnose m.safetensors --data rows.csv --rows 4 --steps 3 --json | --count 100",
    "diagnose m.safetensors --data rows.csv -n 100 --steps 3 --json | --rows 4",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 --json | --seed 4",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --threads 0",
    "diagnose m.safetensors --data rows.csv -n 100 --rows 4 --steps 3 | --json",
    "info | --exact moons",
    "info --exact moons | --onnx net.onnx",
    "info --exact moons | --process vp",
    "info --exact moons | --noise uniform",
    "info --exact moons | --mask-id 3",
    "info --exact moons | --predict x0",
    "info --exact moons | --clock lambda",
    "info --exact moons | --input-sigma-data 1",
    "info --exact moons | --trained-range 1,2",
    "info --exact moons | --normalization 0,2",
    "info --exact moons | --shape 2",
    "info --exact moons | --input c=rows.npy",
    "info --exact moons | --output y",
    "info m.safetensors | --json",
    "plan --steps 3 | --process vp",
    "plan --process vp --steps 3 | --predict x0",
    "plan --process vp --steps 3 | --sampler heun",
    "plan --process vp --steps 3 | --moves RRR",
    "plan --process vp --steps 3 | --eta 1",
    "plan --process vp | --steps 3",
    "plan --process vp --steps 3 | --grid uniform-t",
    "plan --process vp --steps 3 | --sigma-min 0.1",
    "plan --process vp --steps 3 | --sigma-max 10",
    "plan --process vp --steps 3 --grid vp | --sigma-max 10",
    "plan --process table:linear --steps 3 --grid trailing | --sigma-min 0.1",
    "plan --steps 3 | --from-diffusers config.json",
    "plan --steps 3 --from-diffusers config.json | --consistent",
    "plan --steps 3 --from-diffusers config.json | --mu 1",
    "plan --steps 3 --from-diffusers config.json | --image-seq-len 64",
    "plan --steps 3 --mu 1 --from-diffusers flux.json | --strict",
    "plan --from-diffusers config.json | --sigmas 3,2,1",
    "plan --from-diffusers config.json | --timesteps 900,500,100",
    "plan --steps 3 --from-diffusers config.json | --set s_churn=4",
    "plan --process vp --steps 3 | --set s_churn=4",
    "plan --steps 3 | --from-k dpmpp_2m",
    "plan --process vp --steps 3 | --start-at 1",
    "plan --process vp --steps 3 --start-at 1 | --image",
    "plan --process vp --steps 3 | --image",
    "plan --process vp --steps 3 | --clamp -1,1",
    "plan --process vp --steps 3 | --threshold 0.9,2",
    "plan --process vp --steps 3 | --guidance 2",
    "plan --process vp --steps 3 | --json",
    "plan --process vp --steps 3 | --csv",
    "plan --process vp --steps 3 | --emit c",
    "plan plan.json | --emit numpy",
    "plan --process vp --predict epsilon --steps 3 --emit onnx --out o.json | --onnx net.onnx",
    "plan --process vp --steps 3 | --clock lambda",
    "plan --process vp --steps 3 | --input-sigma-data 1",
    "plan --process vp --steps 3 | --trained-range 1,2",
    "plan --process vp --steps 3 | --normalization 0,2",
    "plan --process vp --steps 3 | --input class",
    "plan --process vp --steps 3 | --output sample",
    "plan plan.json | --steps 3",
    "plan plan.json | --process vp",
    "plan plan.json | --json",
    "explain ddim | --cite",
    "explain ddim | --process ve",
    "explain | --process ve",
    "explain ddim --cite | --process ve",
    "compare ddim adams2 --json | --process table:linear",
    "compare ddim@vp euler@ve | --process ve",
    "compare plan.json plan.json | --process ve",
    "compare ddim plan.json | --steps 2",
    "compare plan.json plan.json | --steps 2",
    "compare plan.json plan.json | --grid uniform-t",
    "compare ddim adams2 --json | --grid uniform-t",
    "compare plan.json plan.json | --range 1,2",
    "compare ddim adams2 --json | --range 1,2",
    "compare ddim euler | --json",
    "compare ddim adams2 --json | --tolerance 0.001",
    "lint plan.json | --json",
    "lint plan.json | --tolerance 1e-6",
    "lint ddim | --steps 3",
    "lint ddim | --tokens masked:3x5",
    "verify | --only 1",
    "verify --only 1 | --json",
    "verify | D1",
    "verify D1 | --json",
    "sample --exact moons -n 4 --out o.npy | --nfe 3",
    "invert m.safetensors --from rows.npy --out o.npy | --nfe 3",
    "evaluate m.safetensors --data rows.csv | --nfe 3",
    "evaluate m.safetensors --data rows.csv --steps 3 | --train rows.npy",
    "evaluate --data rows.npy | --samples rows.npy",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 | --nfe 3",
    "plan --process vp | --nfe 3",
    "report r --out o.html | --nfe 3",
    "analyze --data rows.csv --sampler ddim --steps 3 | --raw",
    "recommend --data rows.csv --nfe 4 | --raw",
    "recommend m.safetensors --nfe 4 | --measure 2",
    "recommend m.safetensors --nfe 4 --measure 2 | --seed 5",
    "recommend m.safetensors --nfe 4 --measure 2 | --threads 0",
    "recommend m.safetensors --nfe 4 | --tune",
    "recommend --data rows.csv --nfe 4 | --neighbours 0",
    "train --data rows.csv --steps 3 --json --width 8 --out o.safetensors | --log 1",
    "train --data rows.csv --steps 3 --json --out o.safetensors | --from m.safetensors",
    "average r --out o.safetensors | --length 0.1",
    "average r --length 0.1 | --out o.safetensors",
    "average r --length 0.1 --out o.safetensors | --json",
    "sample m.safetensors -n 4 --out o.npy | --plan plan.json",
    "sample m.safetensors -n 4 --out o.npy --plan plan.json | --from-diffusers config.json",
    "sample m.safetensors -n 4 --out o.npy --steps 3 | --from-diffusers config.json",
    "sample m.safetensors -n 4 --out o.npy --from-diffusers config.json --steps 3 | --consistent",
    "sample m.safetensors -n 4 --out o.npy --from-diffusers config.json --steps 3 | --mu 1",
    "sample m.safetensors -n 4 --out o.npy --from-diffusers config.json | --sigmas 3,2,1",
    "sample m.safetensors -n 4 --out o.npy --from-diffusers config.json | --timesteps 900,500,100",
    "sample m.safetensors -n 4 --out o.npy --from-diffusers config.json --steps 3 | --set s_churn=4",
    "sample m.safetensors -n 4 --out o.npy | --set s_churn=4",
    "sample m.safetensors -n 4 --out o.npy --from-diffusers config.json | --steps 3",
    "sample m.safetensors -n 4 --out o.npy --from-diffusers config.json --steps 3 | --sampler ddim",
    "sample m.safetensors -n 4 --out o.npy --from-diffusers config.json --steps 3 | --grid karras",
    "sample m.safetensors -n 4 --out o.npy --plan plan.json | --grid karras",
    "sample m.safetensors -n 4 --out o.npy --plan plan.json | --steps 4",
    "evaluate m.safetensors --data rows.csv | --plan plan.json",
    "evaluate m.safetensors --data rows.csv --plan plan.json | --from-diffusers config.json",
    "evaluate m.safetensors --data rows.csv --steps 3 | --from-diffusers config.json",
    "evaluate m.safetensors --data rows.csv --from-diffusers config.json --steps 3 | --consistent",
    "evaluate m.safetensors --data rows.csv --from-diffusers config.json --steps 3 | --mu 1",
    "evaluate m.safetensors --data rows.csv --from-diffusers config.json | --sigmas 3,2,1",
    "evaluate m.safetensors --data rows.csv --from-diffusers config.json | --timesteps 900,500,100",
    "evaluate m.safetensors --data rows.csv --from-diffusers config.json --steps 3 | --set s_churn=4",
    "evaluate m.safetensors --data rows.csv | --set s_churn=4",
    "evaluate m.safetensors --data rows.csv --from-diffusers config.json | --steps 3",
    "evaluate m.safetensors --data rows.csv --from-diffusers config.json --steps 3 | --sampler ddim",
    "evaluate m.safetensors --data rows.csv --from-diffusers config.json --steps 3 | --grid karras",
    "evaluate m.safetensors --data rows.csv --plan plan.json | --grid karras",
    "evaluate m.safetensors --data rows.csv --plan plan.json | --steps 4",
    "invert m.safetensors --from rows.npy --out o.npy | --plan plan.json",
    "invert m.safetensors --from rows.npy --out o.npy --plan plan.json | --from-diffusers config.json",
    "invert m.safetensors --from rows.npy --out o.npy --steps 3 | --from-diffusers config.json",
    "invert m.safetensors --from rows.npy --out o.npy --from-diffusers config.json --steps 3 | --consistent",
    "invert m.safetensors --from rows.npy --out o.npy --from-diffusers config.json --steps 3 | --mu 1",
    "invert m.safetensors --from rows.npy --out o.npy --from-diffusers config.json | --sigmas 3,2,1",
    "invert m.safetensors --from rows.npy --out o.npy --from-diffusers config.json | --timesteps 900,500,100",
    "invert m.safetensors --from rows.npy --out o.npy --from-diffusers config.json --steps 3 | --set s_churn=4",
    "invert m.safetensors --from rows.npy --out o.npy | --set s_churn=4",
    "invert m.safetensors --from rows.npy --out o.npy --from-diffusers config.json | --steps 3",
    "invert m.safetensors --from rows.npy --out o.npy --from-diffusers config.json --steps 3 | --sampler ddim",
    "invert m.safetensors --from rows.npy --out o.npy --from-diffusers config.json --steps 3 | --grid karras",
    "invert m.safetensors --from rows.npy --out o.npy --plan plan.json | --grid karras",
    "invert m.safetensors --from rows.npy --out o.npy --plan plan.json | --steps 4",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 | --plan plan.json",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --plan plan.json | --from-diffusers config.json",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --steps 3 | --from-diffusers config.json",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --from-diffusers config.json --steps 3 | --consistent",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --from-diffusers config.json --steps 3 | --mu 1",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --from-diffusers config.json | --sigmas 3,2,1",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --from-diffusers config.json | --timesteps 900,500,100",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --from-diffusers config.json --steps 3 | --set s_churn=4",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 | --set s_churn=4",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --from-diffusers config.json | --steps 3",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --from-diffusers config.json --steps 3 | --sampler ddim",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --from-diffusers config.json --steps 3 | --grid karras",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --plan plan.json | --grid karras",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --plan plan.json | --steps 4",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 | --plan plan.json",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --plan plan.json | --from-diffusers config.json",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --steps 3 | --from-diffusers config.json",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --from-diffusers config.json --steps 3 | --consistent",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --from-diffusers config.json --steps 3 | --mu 1",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --from-diffusers config.json | --sigmas 3,2,1",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --from-diffusers config.json | --timesteps 900,500,100",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --from-diffusers config.json --timesteps 500,300,100 | --set s_churn=4",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 | --set s_churn=4",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --from-diffusers config.json | --steps 3",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 | --steps 3",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --plan plan.json | --sigma-min 0.1",
    "sample m.safetensors -n 4 --out o.npy --from rows.npy --from-diffusers config.json --steps 3 | --start-at 1",
    "sample m.safetensors -n 4 --out o.npy --from-diffusers config.json --steps 3 | --start-at 1",
    "sample m.safetensors -n 4 --out o.npy --plan plan.json | --strength 0.5",
    "sample m.safetensors -n 4 --out o.npy --steps 3 --from-diffusers config.json | --image-seq-len 64",
    "sample m.safetensors -n 4 --out o.npy --steps 3 --mu 1 --from-diffusers flux.json | --strict",
    "evaluate m.safetensors --data rows.csv --steps 3 --from-diffusers config.json | --image-seq-len 64",
    "evaluate m.safetensors --data rows.csv --steps 3 --mu 1 --from-diffusers flux.json | --strict",
    "invert m.safetensors --from rows.npy --out o.npy --steps 3 --from-diffusers config.json | --image-seq-len 64",
    "invert m.safetensors --from rows.npy --out o.npy --steps 3 --mu 1 --from-diffusers flux.json | --strict",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --steps 3 --from-diffusers config.json | --image-seq-len 64",
    "diagnose m.safetensors --data rows.csv -n 20 --rows 8 --steps 3 --mu 1 --from-diffusers flux.json | --strict",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --steps 3 --from-diffusers config.json | --image-seq-len 64",
    "likelihood m.safetensors --data rows.csv -n 3 --levels 2 --steps 3 --mu 1 --from-diffusers flux.json | --strict",
    "plan --process vp --steps 3 | --out o.json",
    "plan --process vp --steps 3 --json | --out o.json",
    "plan --steps 3 --from-diffusers config.json | --sampler ddim",
];

/// Calls that read a file: of lines without names, but for `--no-header`.
const READERS: &[&str] = &[
    "train --steps 3 --json --width 8 --out o.safetensors --data rows.csv",
    "analyze --steps 3 --data rows.csv",
    "recommend --nfe 4 --data rows.csv",
    "likelihood m.safetensors --levels 2 --data rows.csv",
    "diagnose m.safetensors --steps 2 -n 20 --rows 8 --data rows.csv",
    "evaluate m.safetensors --steps 2 --data rows.csv",
    "tune m.safetensors --nfe 3 --samples 4 --test 8 --method steps --data rows.csv",
    "invert m.safetensors --steps 3 --out o.npy --from rows.csv",
    "sample m.safetensors -n 4 --steps 3 --out o.npy --from rows.csv",
];

/// The flags of a reading.
const READING: &[&str] = &[
    "--label-column 2",
    "--labels y",
    "--columns 1",
    "--drop 1",
    "--header",
    "--no-header",
    "--axes chw",
    "--size 4,4",
    "--skip-bad",
    "--memory 0",
];

/// Every call.
fn calls() -> Vec<String> {
    let reading = READERS.iter().flat_map(|base| {
        READING.iter().map(move |flag| match *flag {
            "--no-header" => format!("{} | {flag}", base.replace("rows.csv", "named.csv")),
            _ => format!("{base} | {flag}"),
        })
    });
    CALLS.iter().map(|call| (*call).to_owned()).chain(reading).collect()
}

/// Many seconds each, and tried by tests of their own: tests/demo.rs and tests/vs_vae.rs.
const ELSEWHERE: [&str; 9] = [
    "demo --steps",
    "demo --out",
    "demo --quick",
    "demo --seed",
    "vs-vae --seeds",
    "vs-vae --seconds",
    "vs-vae --steps",
    "vs-vae --quick",
    "vs-vae --json",
];

fn material(here: &Path) {
    let rows: String = (0..60).map(|i| format!("{},{}\n", i % 9, 40 - i * i % 7)).collect();
    fs::write(here.join("rows.csv"), &rows).unwrap();
    let kinds: String =
        (0..40).map(|i| format!("{},{},{}\n", ["a", "b"][i % 2], 0.5 * i as f64, 10 + i % 20)).collect();
    fs::write(here.join("kinds.csv"), format!("kind,size,grade\n{kinds}")).unwrap();
    fs::write(here.join("named.csv"), format!("x,y\n{rows}")).unwrap();
    let kinds: String = (0..40).map(|i| format!("{},{},{}\n", i % 9, 40 - i, i % 2)).collect();
    fs::write(here.join("kinds.csv"), format!("x,y,kind\n{kinds}")).unwrap();
    fs::write(here.join("c.toml"), "data = 'rows.csv'\n").unwrap();
    fs::write(here.join("net.onnx"), "not one").unwrap();
    let flux = r#"{"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": true, "what": 1}"#;
    fs::write(here.join("flux.json"), flux).unwrap();
    fs::write(
        here.join("config.json"),
        r#"{"_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "steps_offset": 1, "timestep_spacing": "leading"}"#,
    )
    .unwrap();
    let small = "--width 8 --depth 1 --batch 8";
    works(here, &format!("train --data rows.csv --steps 2 {small} --hold-out 0.3 --out m.safetensors"));
    works(here, &format!("train --data rows.csv --steps 2 {small} --hold-out 0.3 --averages-every 1 --run r"));
    works(
        here,
        &format!("train --data digits --conditional --steps 30 --lr 0.05 --warmup 1 {small} --out c.safetensors"),
    );
    works(here, "sample c.safetensors -n 5 --steps 2 --out pictures/");
    works(here, "sample c.safetensors -n 5 --steps 2 --out broken/");
    fs::write(here.join("broken/sample-000001.png"), "no picture").unwrap();
    works(here, "sample m.safetensors -n 4 --steps 2 --out rows.npy");
    works(here, "sample --exact moons -n 4 --steps 2 --out mask.npy");
    fs::write(here.join("plan.json"), works(here, "plan --process vp --steps 4 --json").0).unwrap();
}

/// The exit code, what is said but for times, and what is written.
type Answer = (i32, String, String, Vec<Option<Vec<u8>>>);

/// What a call answers.
fn answer(here: &Path, line: &str) -> Answer {
    let outputs = ["o.npy", "o.png", "o.json", "o.html", "recommended.json"];
    for name in outputs.iter().chain(&["o.safetensors"]) {
        let _ = fs::remove_file(here.join(name));
    }
    let _ = fs::remove_dir_all(here.join("n"));
    let (code, stdout, stderr) = run(here, line);
    let files = outputs.iter().map(|name| fs::read(here.join(name)).ok()).collect();
    (code, timeless(&stdout), timeless(&stderr), files)
}

/// A text without its times and rates.
fn timeless(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        for key in ["\"seconds\":", "\"samples_per_second\":"] {
            while let Some(start) = line.find(key) {
                let end = line[start..].find([',', '}']).map_or(line.len(), |end| start + end);
                line.replace_range(start..end, "");
            }
        }
        // "in 0.3 s", "(0.1 s)".
        let words: Vec<&str> = line.split(' ').collect();
        let is_unit = |word: Option<&&str>| word.is_some_and(|word| word.trim_end_matches([':', ',', ')', '.']) == "s");
        let kept = words.iter().enumerate().filter(|(place, _)| !is_unit(words.get(place + 1)));
        out.push_str(&kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" "));
        out.push('\n');
    }
    out
}

/// Every command and its flags, as the help has them.
fn flags(here: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let help = |words: &[&str]| {
        let output = langevin(here).args(words).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let all = help(&[]);
    let commands = all.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names = commands.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let flag = |line: &str| {
        let line = line.trim_start();
        let line = line
            .strip_prefix('-')
            .filter(|rest| !rest.starts_with('-'))
            .map_or(line, |rest| rest[1..].trim_start_matches(", "));
        let name = line.strip_prefix("--")?.split([' ', '=', '[']).next()?;
        (!name.is_empty() && name != "help").then(|| format!("--{name}"))
    };
    // A flag begins its line; words about it are indented further.
    let is_flag = |line: &&str| line.len() - line.trim_start().len() <= 6;
    names.map(|name| (name.to_owned(), help(&[name]).lines().filter(is_flag).filter_map(flag).collect())).collect()
}

#[test]
fn every_flag_of_every_command_has_a_call() {
    let directory = tempfile::tempdir().unwrap();
    let known = flags(directory.path());
    assert!(known.len() >= 19 && known.values().map(BTreeSet::len).sum::<usize>() > 200, "{known:?}");
    let mut missing = Vec::new();
    for (command, flags) in &known {
        for flag in flags {
            let has = |call: &str| {
                let (base, added) = call.split_once('|').unwrap();
                base.split_whitespace().next() == Some(command) && added.split_whitespace().next() == Some(flag)
            };
            let name = format!("{command} {flag}");
            if !calls().iter().any(|call| has(call)) && !ELSEWHERE.contains(&&*name) {
                missing.push(name);
            }
        }
    }
    assert!(missing.is_empty(), "no call tries {}", missing.join(", "));
}

#[test]
fn what_is_given_changes_the_answer_or_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    // Calls of one command are tried one after the other, the commands side by side.
    let workers = 4;
    let failures: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let here = directory.path().join(worker.to_string());
                scope.spawn(move || {
                    fs::create_dir(&here).unwrap();
                    material(&here);
                    let mut known = BTreeMap::new();
                    let calls = calls();
                    let mine = calls.chunks(calls.len().div_ceil(workers)).nth(worker).unwrap_or_default();
                    mine.iter().filter_map(|call| tried(&here, call, &mut known)).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is wrong with a call.
fn tried<'a>(here: &Path, call: &'a str, known: &mut BTreeMap<&'a str, Answer>) -> Option<String> {
    let (base, added) = call.split_once('|').unwrap();
    let (base, added) = (base.trim(), added.trim());
    // Many calls begin alike.
    let before = known.entry(base).or_insert_with(|| answer(here, base));
    let after = answer(here, &format!("{base} {added}"));
    if after.2.contains("panicked") || *before == after {
        return Some(format!("{call}: the same answer, {} {}", after.0, after.2));
    }
    // A refusal is about the flag, or about its value.
    let mut words = added.split_whitespace().map(|word| word.trim_start_matches('-'));
    let refused = after.0 == 2 && before.0 == 0;
    (refused && !words.any(|word| after.2.contains(word)))
        .then(|| format!("{call}: refused for another reason: {}", after.2))
}
