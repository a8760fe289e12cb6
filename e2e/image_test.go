package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
)

const layersOfImage = 4

// blob is a part of an image, as its manifest names it.
type blob struct {
	MediaType string `json:"mediaType"`
	Size      int    `json:"size"`
	Digest    string `json:"digest"`
}

// push makes an image of busybox and mb MB that nothing can compress, in four layers that no other image has, and puts it
// into the registry as NAME:1. It never is in the engine before it is pulled.
func (r *registry) push(name string, mb int, arch string) error {
	var layers []blob
	var ids []string
	for i := range layersOfImage {
		packed, id, err := randomLayer(i, mb<<20/layersOfImage)
		if err != nil {
			return err
		}
		b, err := r.upload(name, "application/vnd.docker.image.rootfs.diff.tar.gzip", packed)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.layers[b.Digest] = true
		r.mu.Unlock()
		layers, ids = append(layers, b), append(ids, id)
	}
	config, err := json.Marshal(map[string]any{
		"os": "linux", "architecture": arch, "config": map[string]any{}, "rootfs": map[string]any{"type": "layers", "diff_ids": ids},
	})
	if err != nil {
		return err
	}
	described, err := r.upload(name, "application/vnd.docker.container.image.v1+json", config)
	if err != nil {
		return err
	}
	const manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": manifestType, "config": described, "layers": layers})
	if err != nil {
		return err
	}
	r.refs = append(r.refs, r.addr+"/"+name+":1")
	_, err = r.send(http.MethodPut, r.direct+"/v2/"+name+"/manifests/1", manifestType, manifest)
	return err
}

// randomLayer is a packed layer, and the digest of what is packed. The first one has the programs.
func randomLayer(i, size int) (packed []byte, id string, err error) {
	files := map[string][]byte{fmt.Sprintf("random%d", i): make([]byte, size)}
	for _, data := range files {
		_, _ = rand.Read(data) // never fails
	}
	if i == 0 {
		path, err := exec.LookPath("busybox")
		if err != nil {
			return nil, "", err
		}
		if files["bin/busybox"], err = os.ReadFile(path); err != nil {
			return nil, "", err
		}
	}
	var out bytes.Buffer
	sum := sha256.New()
	zip, err := gzip.NewWriterLevel(&out, gzip.NoCompression)
	if err != nil {
		return nil, "", err
	}
	archive := tar.NewWriter(io.MultiWriter(zip, sum))
	for name, data := range files {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))}); err != nil {
			return nil, "", err
		}
		if _, err := archive.Write(data); err != nil {
			return nil, "", err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, "", err
	}
	if err := zip.Close(); err != nil {
		return nil, "", err
	}
	return out.Bytes(), fmt.Sprintf("sha256:%x", sum.Sum(nil)), nil
}

func (r *registry) upload(name, mediaType string, data []byte) (blob, error) {
	b := blob{MediaType: mediaType, Size: len(data), Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(data))}
	where, err := r.send(http.MethodPost, r.direct+"/v2/"+name+"/blobs/uploads/", "", nil)
	if err != nil {
		return b, err
	}
	_, err = r.send(http.MethodPut, where+"&digest="+url.QueryEscape(b.Digest), "application/octet-stream", data)
	return b, err
}

// send returns where the registry has put it.
func (r *registry) send(method, where, contentType string, data []byte) (location string, err error) {
	req, err := http.NewRequest(method, where, bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s: %s", method, where, resp.Status, said)
	}
	return resp.Header.Get("Location"), err
}
