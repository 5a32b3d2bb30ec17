# SPDX-License-Identifier: Apache-2.0
#
# The report of a build: as JSON with histograms, and as a page that is whole. arguments: program, source tree, html_check
html_check=$(realpath "$3")
. "$(dirname "$0")/lib.sh"
onnx=$tree/models/parts-seg.onnx
calib=$tree/data/parts/calib/images

run build "$onnx" --calib "$calib" -o parts.bin --report report.txt
expect_exit 2
expect_one_line_err 'intarsia: build: --report: report.txt ends neither in .html nor in .json *'
run build "$onnx" --calib "$calib" -o parts.html --report parts.html
expect_exit 1
expect_one_line_err 'intarsia: parts.html: the report needs a name of its own'
run build "$onnx" --calib "$calib" -o parts.bin --report /proc/x.html
expect_exit 1
expect_one_line_err 'intarsia: /proc/x.html: cannot write: *'
ok 'nothing was built' test ! -e parts.bin

run build "$onnx" --calib "$calib" --images 3 --effort 0 -o parts.bin --report report.json --json
expect_exit 0
cp "$place/.out" printed.json
ok 'the file has what is printed' test "$(cat report.json)" = "$(cat printed.json)"
ok 'histograms' test "$(grep -c '"histogram": {"range": \[' report.json)" -gt 80
ok 'advice' grep -q '"advice": "' report.json
ok 'warnings' grep -q '"warnings": \["3 calibration photos: ' report.json
run info parts.bin --json
expect_exit 0
expect_out '{*"snr_alone_db": *'
ok 'no histograms in the network' not grep -q histogram "$place/.out"
# a layer's shares are all of its values
ok 'shares sum to one' test "$(sed -n 's/.*"parts": \[\(.*\)\]}.*/\1/p' report.json | tr -d ',' |
    awk '{ s = 0; for (i = 1; i <= NF; i++) s += $i; if (s < 0.98 || s > 1.02 || NF != 96) n++ } END { print n + 0 }')" = 0

run build "$onnx" --calib "$calib" --images 3 --effort 0 -o 'a <b> & "c".bin' --report page.html
expect_exit 0
"$html_check" page.html svg img figure circle table >counts.txt
ok 'the page is well formed and needs nothing else' test $? = 0
ok 'a histogram for each layer, the worst larger, and a chart' test "$(sed -n 's/^svg //p' counts.txt)" -gt 86
ok 'three photos, twice' test "$(sed -n 's/^img //p' counts.txt)" = 6
ok 'dots' test "$(sed -n 's/^circle //p' counts.txt)" -gt 160
ok 'two tables' test "$(sed -n 's/^table //p' counts.txt)" = 2
ok 'the name is escaped' grep -q '<h1>a &lt;b&gt; &amp; &quot;c&quot;.bin</h1>' page.html
ok 'warnings are shown' grep -q '<li>3 calibration photos: ' page.html
ok 'layers are named' grep -q '<code>/model.0/conv/Conv</code>' page.html
nothing_half_written
finish
