"""Pictures that Papilio draws itself: image sets without a download, whose labels are exact."""
