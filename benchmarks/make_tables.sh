#!/usr/bin/env bash
# Makes the tables of benchmarks/results again, all or those named, one after the other:
#
#     benchmarks/make_tables.sh
#     benchmarks/make_tables.sh paper_tables time
#
# from nothing, on one thread, best on a machine that does nothing else. What it ran, at
# which commit and load, is a row of results/made.md. Cells of a run that was broken off
# are kept in results/NAME.json: with RESUME=1 it goes on there. PYTHON is the
# interpreter; photographs are read from IMAGES (folders train and Set68), digits from
# MNIST (train or t10k images, idx3-ubyte.gz), and their tables are left out without.
set -euo pipefail
cd "$(dirname "$0")/.."
results=benchmarks/results
export OMP_NUM_THREADS=1

commands() {
    echo "paper_tables bench_paper_tables.py --threads 1 --budget 15"
    echo "generalisation bench_generalisation.py --threads 1 --dims 8"
    echo "sample_sizes bench_sample_sizes.py --threads 1"
    echo "few_samples bench_few_samples.py --threads 1"
    echo "prior_method bench_prior_method.py"
    echo "min_plus bench_min_plus.py --threads 1"
    echo "maxima bench_maxima.py"
    echo "cross_sections bench_cross_sections.py"
    echo "time bench_time.py --threads 1"
    echo "pqm bench_pqm.py"
    echo "proximal_matching bench_proximal_matching.py --threads 1"
    echo "step_time bench_step_time.py"
    echo "overhead bench_overhead.py"
    echo "memory bench_memory.py"
    echo "draws bench_draws.py --threads 1"
    echo "duathlon bench_duathlon.py --threads 1"
    echo "magnetics bench_magnetics.py --threads 1"
    echo "sparse bench_sparse.py --threads 1"
    if [[ -n ${MNIST:-} ]]; then
        echo "magnetics_mnist bench_magnetics.py --threads 1 --mnist $MNIST"
        echo "many_features bench_many_features.py --threads 1 --mnist $MNIST"
    fi
    if [[ -n ${IMAGES:-} ]]; then
        local folders="--train $IMAGES/train --test $IMAGES/Set68"
        echo "images bench_images.py --threads 1 $folders"
        echo "reconstruction bench_reconstruction.py --threads 1 $folders"
        echo "deblurring_images bench_deblurring.py --threads 1 --images $IMAGES"
    fi
}

load() { cut -d " " -f 1 /proc/loadavg; }

# A row for each table, the last run's.
note() {
    local made=$results/made.md
    if [[ ! -s $made ]]; then
        cat > "$made" << 'EOF'
# How the tables were made

By `benchmarks/make_tables.sh`; load is the last minute's average before, and at the end.

| table | commit | date | machine | load | minutes |
|---|---|---|---|---|---|
EOF
    fi
    sed -i "/^| $1 |/d" "$made"
    echo "| $1 | $2 | $(date -u +%F) | $(uname -m), $(nproc --all) cores | $3, $(load) | $4 |" >> "$made"
}

commands | while read -r name script; do
    if (($#)) && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    [[ -n ${RESUME:-} ]] || rm -f "$results/$name.json"
    # Results that others wrote before do not count as changes.
    commit=$(git rev-parse --short HEAD)$(git diff --quiet -- skhj '*.py' || echo ", changed")
    before=$(load) start=$SECONDS
    # shellcheck disable=SC2086  # a script and its options
    "${PYTHON:-python}" benchmarks/$script < /dev/null
    note "$name" "$commit" "$before" $(((SECONDS - start + 30) / 60))
done
