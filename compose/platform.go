package compose

import "context"

// Platform is what an image is made for.
type Platform struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
}

// ImagePlatforms asks the image's registry, through the engine and without a password, which platforms it is made for.
func (e *Engine) ImagePlatforms(ctx context.Context, ref string) ([]Platform, error) {
	info, err := e.docker.DistributionInspect(ctx, ref, "")
	if err != nil {
		return nil, e.unavailable(err)
	}
	platforms := make([]Platform, 0, len(info.Platforms))
	for _, p := range info.Platforms {
		if p.OS == "unknown" { // a signature or an attestation beside the images
			continue
		}
		platforms = append(platforms, Platform{OS: p.OS, Arch: p.Architecture})
	}
	return platforms, nil
}

// imageArch is the kernel's name of an architecture in the words of images (GOARCH).
func imageArch(kernel string) string {
	switch kernel {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "armv7l", "armv6l":
		return "arm"
	case "i386", "i686":
		return "386"
	}
	return kernel
}
